//! `MiniStack` imports no OpenAPI document into an HTTP API (`services/cloudformation/provisioners.py`, `_apigw_v2_api_create`: the
//! property `Body` is not read), and SAM writes the whole API into one. So what API Gateway makes of the document is made here: an
//! authorizer per security scheme, an integration and a route per operation. Anything that this does not know is refused.

use serde_json::{Map, Value, json};

/// Takes the document out of an API and answers the resources it stands for, by logical id.
pub(super) fn import(api: &str, properties: &mut Value) -> Map<String, Value> {
    let mut document = properties.as_object_mut().unwrap().remove("Body").unwrap();
    let name = take(&mut document, "info").unwrap()["title"].clone();
    properties["Name"] = name;
    properties["ProtocolType"] = json!("HTTP");
    if let Some(cors) = take(&mut document, "x-amazon-apigateway-cors") {
        properties["CorsConfiguration"] = capitalized(&cors);
    }
    let mut resources = Map::new();
    for (name, scheme) in taken(&mut taken_value(&mut document, "components"), "securitySchemes") {
        resources.insert(format!("{api}{name}"), authorizer(api, &name, scheme));
    }
    for (path, operations) in taken(&mut document, "paths") {
        for (method, operation) in operations.as_object().unwrap().clone() {
            let method =
                if method == "x-amazon-apigateway-any-method" { "ANY".to_owned() } else { method.to_uppercase() };
            let id = format!("{api}Route{}", resources.len());
            let (integration, route) = route(api, &id, &format!("{method} {path}"), operation);
            resources.extend([(format!("{id}Integration"), integration), (id, route)]);
        }
    }
    // What it says about itself: the version of OpenAPI, and who wrote it.
    for known in ["openapi", "tags"] {
        take(&mut document, known);
    }
    assert_eq!(document, json!({}), "an OpenAPI document with more than is known here");
    resources
}

fn authorizer(api: &str, name: &str, mut scheme: Value) -> Value {
    let mut function = take(&mut scheme, "x-amazon-apigateway-authorizer").unwrap();
    assert_eq!(scheme, json!({"type": "apiKey", "name": "Unused", "in": "header"}), "{name}");
    assert_eq!(take(&mut function, "type"), Some(json!("request")), "{name}");
    let mut properties = capitalized(&function);
    properties.as_object_mut().unwrap().extend([
        ("ApiId".to_owned(), json!({"Ref": api})),
        ("Name".to_owned(), json!(name)),
        ("AuthorizerType".to_owned(), json!("REQUEST")),
    ]);
    json!({"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": properties})
}

fn route(api: &str, id: &str, key: &str, mut operation: Value) -> (Value, Value) {
    let integration = take(&mut operation, "x-amazon-apigateway-integration").unwrap();
    let expected =
        json!({"httpMethod": "POST", "type": "aws_proxy", "uri": integration["uri"], "payloadFormatVersion": "2.0"});
    assert_eq!(integration, expected, "{key}");
    let integration = json!({
        "ApiId": {"Ref": api}, "IntegrationType": "AWS_PROXY", "IntegrationUri": integration["uri"],
        "IntegrationMethod": "POST", "PayloadFormatVersion": "2.0",
    });
    let mut route = json!({
        "ApiId": {"Ref": api}, "RouteKey": key,
        "Target": {"Fn::Join": ["/", ["integrations", {"Ref": format!("{id}Integration")}]]},
    });
    if let Some(security) = take(&mut operation, "security") {
        let name = security[0].as_object().unwrap().keys().next().unwrap();
        assert_eq!(security, json!([{name: []}]), "{key}");
        if name != "NONE" {
            route["AuthorizationType"] = json!("CUSTOM");
            route["AuthorizerId"] = json!({"Ref": format!("{api}{name}")});
        }
    }
    // The path has its parameters too, and answers are not described.
    take(&mut operation, "parameters");
    assert_eq!(take(&mut operation, "responses"), Some(json!({})), "{key}");
    assert_eq!(operation, json!({}), "{key}: an operation with more than is known here");
    (
        json!({"Type": "AWS::ApiGatewayV2::Integration", "Properties": integration}),
        json!({"Type": "AWS::ApiGatewayV2::Route", "Properties": route}),
    )
}

/// The members of OpenAPI's extensions are those of CloudFormation but for the first letter.
fn capitalized(value: &Value) -> Value {
    let members = value.as_object().unwrap().iter();
    members.map(|(name, value)| (name[..1].to_uppercase() + &name[1..], value.clone())).collect::<Map<_, _>>().into()
}

fn take(value: &mut Value, member: &str) -> Option<Value> {
    value.as_object_mut().unwrap().remove(member)
}

fn taken_value(value: &mut Value, member: &str) -> Value {
    take(value, member).unwrap_or_else(|| panic!("no {member}"))
}

fn taken(value: &mut Value, member: &str) -> Map<String, Value> {
    taken_value(value, member).as_object().unwrap().clone()
}
