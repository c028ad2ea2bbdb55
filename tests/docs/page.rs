//! What a page says in its fenced blocks.

use std::fmt;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use reqwest::StatusCode;
use serde_json::Value;
use sporlog_local::template::Route;

/// A request and its answer.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) request: Request,
    pub(crate) answer: Answer,
    /// The line of the page on which the answer's block begins.
    pub(crate) line: usize,
}

/// `METHOD /path?query`, headers, and after a blank line the body, which is sent as it stands: it may be wrong on purpose.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// `HTTP/1.1 201 Created`, headers, and after a blank line the body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
}

/// What is wrong with a page, and on which line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) line: usize,
    pub(crate) text: String,
}

struct Block {
    line: usize,
    language: String,
    text: String,
}

/// The examples of a page, in their order.
pub(super) fn examples(markdown: &str) -> Result<Vec<Example>, Problem> {
    let (mut examples, mut asked) = (Vec::new(), None);
    for Block { line, language, text } in blocks(markdown) {
        let problem = |text: &str| Problem { line, text: text.to_owned() };
        if language != "http" {
            if is_of_an_example(&language, &text) {
                return Err(problem("JSON or an answer outside of an example: such a block is `http`"));
            }
            continue;
        }
        if !text.starts_with("HTTP/") {
            if asked.is_some() {
                return Err(problem("the request before this one has no answer"));
            }
            asked = Some((line, request(&text).map_err(problem)?));
            continue;
        }
        let Some((_, request)) = asked.take() else { return Err(problem("an answer without a request")) };
        examples.push(Example { request, answer: answer(&text).map_err(problem)?, line });
    }
    match asked {
        None => Ok(examples),
        Some((line, _)) => Err(Problem { line, text: "the request has no answer".to_owned() }),
    }
}

impl Request {
    /// Whether this goes to a route of the template.
    pub(crate) fn takes(&self, route: &Route) -> bool {
        let path = self.path.split('?').next().unwrap_or_default();
        let (asked, wanted): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.path.split('/').collect());
        let mut segments = asked.iter().zip(&wanted);
        let fits = |asked: &str, wanted: &str| asked == wanted || (wanted.starts_with('{') && !asked.is_empty());
        self.method == route.method
            && asked.len() == wanted.len()
            && segments.all(|(asked, wanted)| fits(asked, wanted))
    }
}

/// Whether a block that is not `http` should be: every JSON on a page is sent or answered.
fn is_of_an_example(language: &str, text: &str) -> bool {
    let start = text.trim_start();
    language.starts_with("json") || start.starts_with(['{', '[']) || start.starts_with("HTTP/") || text.contains("{\"")
}

fn blocks(markdown: &str) -> Vec<Block> {
    let (mut blocks, mut open) = (Vec::new(), None::<Block>);
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                let line = markdown[..range.start].matches('\n').count() + 1;
                open = Some(Block { line, language, text: String::new() });
            }
            Event::Text(text) => open.iter_mut().for_each(|block| block.text.push_str(&text)),
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}

type Message<'a> = (&'a str, Vec<(String, String)>, Option<&'a str>);

/// First line, headers, body.
fn message(text: &str) -> Result<Message<'_>, &'static str> {
    let (head, body) = text.split_once("\n\n").map_or((text, None), |(head, body)| (head, Some(body.trim_end())));
    let (first, headers) = head.split_once('\n').unwrap_or((head, ""));
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = headers.lines().map(|line| header(line).ok_or("a header is written `Name: value`"));
    Ok((first.trim_end(), headers.collect::<Result<_, _>>()?, body.filter(|body| !body.is_empty())))
}

fn request(text: &str) -> Result<Request, &'static str> {
    let (first, headers, body) = message(text)?;
    match first.split_once(' ') {
        Some((method, path)) if path.starts_with('/') && !path.contains(' ') => {
            Ok(Request { method: method.to_owned(), path: path.to_owned(), headers, body: body.map(str::to_owned) })
        }
        _ => Err("a request begins with `METHOD /path`"),
    }
}

fn answer(text: &str) -> Result<Answer, &'static str> {
    let (first, headers, body) = message(text)?;
    let status = first.strip_prefix("HTTP/1.1 ").and_then(|status| status.get(..3)?.parse::<StatusCode>().ok());
    let status = status.filter(|status| first == format!("HTTP/1.1 {status}"));
    let body = body.map(|body| serde_json::from_str(body).map_err(|_| "the answer's body is not JSON")).transpose()?;
    Ok(Answer { status: status.ok_or("an answer begins with `HTTP/1.1 200 OK`")?, headers, body })
}

/// As a page has it.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "HTTP/1.1 {}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        self.body.iter().try_for_each(|body| writeln!(f, "\n{body:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_not_made_of_pairs_is_refused() {
        const REQUEST: &str = "```http\nGET /a?b=c\nX-Okapi-Tenant: diku\n```\n";
        const ANSWER: &str = "~~~http\nHTTP/1.1 200 OK\n\n{\"a\": [1]}\n~~~\n";
        let pair = format!(
            "{REQUEST}\nProse, and a `route`:\n\n```\nGET /a/{{id}}\n```\n\n- in a list\n\n  {}",
            ANSWER.replace('\n', "\n  ")
        );
        let [example] = &examples(&pair).unwrap()[..] else { panic!() };
        assert_eq!((example.line, example.request.path.as_str(), &example.request.body), (14, "/a?b=c", &None));
        assert_eq!(example.answer.body, Some(serde_json::json!({"a": [1]})));
        let route = |method: &str, path: &str| Route { method: method.into(), path: path.into(), authorizer: None };
        assert!(example.request.takes(&route("GET", "/a")) && example.request.takes(&route("GET", "/{id}")));
        for other in [route("PUT", "/a"), route("GET", "/b"), route("GET", "/a/{id}"), route("GET", "/")] {
            assert!(!example.request.takes(&other), "{other:?}");
        }

        let outside = "JSON or an answer outside of an example: such a block is `http`";
        for (page, line, text) in [
            (REQUEST.to_owned(), 1, "the request has no answer"),
            (format!("{REQUEST}\n{REQUEST}\n{ANSWER}"), 6, "the request before this one has no answer"),
            (format!("{REQUEST}\n{ANSWER}\n{ANSWER}"), 12, "an answer without a request"),
            ("a\n```json\n1\n```".to_owned(), 2, outside),
            ("```\n\n [1]\n```".to_owned(), 1, outside),
            ("a\n\n    {\"b\": 1}\n".to_owned(), 3, outside),
            ("```sh\ncurl -d '{\"a\": 1}'\n```".to_owned(), 1, outside),
            ("```HTTP\nHTTP/1.1 200 OK\n```".to_owned(), 1, outside),
            (pair.replace("GET /a?b=c", "GET a"), 1, "a request begins with `METHOD /path`"),
            (pair.replace("Tenant: diku", "Tenant"), 1, "a header is written `Name: value`"),
            (pair.replace("[1]", "[1"), 14, "the answer's body is not JSON"),
            (pair.replace("200 OK", "200 Created"), 14, "an answer begins with `HTTP/1.1 200 OK`"),
            (pair.replace("HTTP/1.1", "HTTP/2"), 14, "an answer begins with `HTTP/1.1 200 OK`"),
        ] {
            assert_eq!(examples(&page).unwrap_err(), Problem { line, text: text.to_owned() }, "{page}");
        }
    }
}
