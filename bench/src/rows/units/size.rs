//! The size of an item by `DynamoDB`'s count (Developer Guide, "DynamoDB item sizes and formats").

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// Names and values: text in UTF-8, binary as it is, numbers about a byte for two digits and one more, truth values one.
pub(in crate::rows) fn item_bytes(item: &Value) -> u64 {
    let members = item.as_object().into_iter().flatten();
    let bytes: usize = members.map(|(name, value)| name.len() + value_bytes(value)).sum();
    bytes as u64
}

fn value_bytes(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|typed| typed.iter().next()) else { return 0 };
    let text = value.as_str().unwrap_or_default();
    match kind.as_str() {
        "S" => text.len(),
        "B" => BASE64_STANDARD.decode(text).map_or(0, |bytes| bytes.len()),
        "N" => text.len().div_ceil(2) + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_count_and_binary_is_not_base64() {
        let item = json!({"pk": {"S": "abc"}, "body": {"B": "AAECAw=="}, "total": {"N": "1234"}, "on": {"BOOL": true}});
        assert_eq!(item_bytes(&item), (2 + 3) + (4 + 4) + (5 + 3) + (2 + 1));
    }
}
