//! Which route a request takes.

use axum::http::Method;
use percent_encoding::percent_decode_str;

use super::PathParameters;
use crate::template::Template;

/// The routes of an API, the most specific first.
pub(super) struct Routes(Vec<Pattern>);

struct Pattern {
    method: String,
    path: String,
    segments: Vec<Segment>,
    authorizer: Option<String>,
    function: String,
}

/// Literals are more specific than parameters, hence before them in the derived order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
}

/// The route of one request.
#[derive(Debug)]
pub(super) struct Matched {
    /// `GET /things/{id}`.
    pub route_key: String,
    pub authorizer: Option<String>,
    pub function: String,
    pub parameters: PathParameters,
}

impl Routes {
    pub(super) fn new(template: &Template) -> Self {
        let mut patterns = vec![];
        for function in &template.functions {
            for route in &function.routes {
                patterns.push(Pattern {
                    method: route.method.clone(),
                    path: route.path.clone(),
                    segments: route.path.split('/').map(Segment::parse).collect(),
                    authorizer: route.authorizer.clone(),
                    function: function.logical_id.clone(),
                });
            }
        }
        patterns.sort_by(|one, other| one.segments.cmp(&other.segments));
        Self(patterns)
    }

    /// The route for that method and path. The path is matched as sent; only parameters are decoded.
    pub(super) fn find(&self, method: &Method, path: &str) -> Option<Matched> {
        self.0.iter().find_map(|pattern| {
            let parameters = pattern.parameters(path)?;
            (pattern.method == method.as_str()).then(|| Matched {
                route_key: format!("{} {}", pattern.method, pattern.path),
                authorizer: pattern.authorizer.clone(),
                function: pattern.function.clone(),
                parameters,
            })
        })
    }
}

impl Segment {
    fn parse(segment: &str) -> Self {
        match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => Self::Parameter(name.to_owned()),
            None => Self::Literal(segment.to_owned()),
        }
    }
}

impl Pattern {
    fn parameters(&self, path: &str) -> Option<PathParameters> {
        let mut parameters = PathParameters::new();
        let mut segments = self.segments.iter();
        for given in path.split('/') {
            match segments.next()? {
                Segment::Literal(literal) if literal == given => {}
                Segment::Parameter(name) if !given.is_empty() => {
                    parameters.insert(name.clone(), percent_decode_str(given).decode_utf8_lossy().into_owned());
                }
                _ => return None,
            }
        }
        segments.next().is_none().then_some(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Deployment;

    fn routes(declared: &[&str]) -> Routes {
        let events: Vec<_> = declared
            .iter()
            .enumerate()
            .map(|(index, route)| {
                let (method, path) = route.split_once(' ').unwrap();
                format!("E{index}: {{Type: HttpApi, Properties: {{ApiId: A, Method: {method}, Path: \"{path}\"}}}}")
            })
            .collect();
        let text = format!(
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Metadata: {{BuildProperties: {{Binary: f}}}}\n    \
             Properties: {{Timeout: 3, MemorySize: 128, Events: {{{}}}}}\n",
            events.join(", ")
        );
        Routes::new(&Template::parse(&text, &Deployment::default()).unwrap())
    }

    #[test]
    fn literals_come_before_parameters() {
        let routes = routes(&["GET /{any}/b", "GET /a/{id}", "GET /a/b", "POST /a/{id}", "GET /a/{id}/c"]);
        for (method, path, expected) in [
            ("GET", "/a/b", Some("GET /a/b")),
            ("GET", "/a/x", Some("GET /a/{id}")),
            ("GET", "/x/b", Some("GET /{any}/b")),
            ("POST", "/a/b", Some("POST /a/{id}")),
            ("GET", "/a/b/c", Some("GET /a/{id}/c")),
            ("PUT", "/a/b", None),
            ("GET", "/a/", None),
            ("GET", "/a/b/", None),
            ("GET", "/a", None),
            ("GET", "/", None),
            ("GET", "//b", None),
        ] {
            let found = routes.find(&method.parse().unwrap(), path).map(|matched| matched.route_key);
            assert_eq!(found.as_deref(), expected, "{method} {path}");
        }
    }

    #[test]
    fn parameters_are_decoded_and_a_decoded_slash_does_not_split() {
        let routes = routes(&["GET /a/{id}"]);
        let matched = routes.find(&Method::GET, "/a/b%2Fc%20%C3%A5").unwrap();
        assert_eq!(matched.parameters, PathParameters::from([("id".into(), "b/c å".into())]));
    }
}
