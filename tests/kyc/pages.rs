use super::{Cases, ids, numbers, pagination};

/// Every page of a size, put together.
async fn walk(cases: &Cases, query: &str, size: usize) -> Vec<usize> {
    let (mut all, mut page) = (Vec::new(), 1);
    loop {
        let body = cases.page("42", &format!("?page={page}&page_size={size}{query}")).await;
        all.extend(numbers(&body));
        let (shown, shown_size, total, pages, more) = pagination(&body);
        assert_eq!((shown, shown_size), (page, size as u64));
        assert_eq!(pages, total.div_ceil(size as u64));
        assert_eq!(more, page < pages);
        if !more {
            return all;
        }
        page += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn pages_of_any_size_are_the_whole_log() {
    let cases = Cases::start().await;
    cases.fill("42", 103).await;
    let all: Vec<usize> = (0..103).rev().collect();
    let of = |third: bool| all.iter().copied().filter(|number| number.is_multiple_of(3) == third).collect::<Vec<_>>();
    for size in [1, 7, 25, 34, 100] {
        assert_eq!(walk(&cases, "", size).await, all, "{size}");
        assert_eq!(walk(&cases, "&action=SANCTIONS_SEARCH", size).await, of(true), "{size}");
        assert_eq!(walk(&cases, "&action=ANSWER_SAVED", size).await, of(false), "{size}");
    }
    cases.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_page_counts_from_the_newest_entry_there_is() {
    let cases = Cases::start().await;
    cases.fill("42", 30).await;
    let first = cases.page("42", "?page_size=10").await;
    assert_eq!(ids(&first), (21..=30).rev().collect::<Vec<_>>());
    cases.fill("42", 5).await;
    // What came since has moved the older ones on; none of those that were there is passed by.
    let second = cases.page("42", "?page_size=10&page=2").await;
    assert_eq!(ids(&second), (16..=25).rev().collect::<Vec<_>>());
    assert_eq!(pagination(&second), (2, 10, 35, 4, true));
    cases.system.stop().await;
}
