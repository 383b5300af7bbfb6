//! An HTTP answer as it came, for what typed clients hide.

use farhand_protocol::{ErrorCode, Problem};
use reqwest::{RequestBuilder, header::HeaderMap};
use serde::de::DeserializeOwned;
use serde_json::Value;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// Sends a request.
    pub async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// A header that is there at most once; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// All values of a header, such as `set-cookie`.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).into_iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// The JSON of a success.
    #[track_caller]
    pub fn json(&self) -> Value {
        self.ok()
    }

    /// The body of a success, typed.
    #[track_caller]
    pub fn ok<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// A refusal with this code, in the form every refusal has.
    #[track_caller]
    pub fn refused(&self, code: ErrorCode) -> Problem {
        let problem = self.problem();
        assert_eq!(problem.code, code, "{problem:?}");
        problem
    }

    /// As [`Self::refused`], with a JSON pointer to what is wrong.
    #[track_caller]
    pub fn refused_at(&self, code: ErrorCode, pointer: &str) -> Problem {
        let problem = self.refused(code);
        assert_eq!(problem.pointer.as_deref(), Some(pointer), "{problem:?}");
        problem
    }

    /// Checks that it is a problem document whose status, type and title belong to its code.
    #[track_caller]
    pub fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status, "{problem:?}");
        assert_eq!(problem.code.status(), self.status, "{problem:?}");
        assert_eq!(problem.kind, format!("urn:farhand:error:{}", problem.code));
        assert_eq!(problem.title, problem.code.title());
        assert!(problem.detail.len() > 10, "a person can act on it: {problem:?}");
        problem
    }
}
