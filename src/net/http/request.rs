//! HTTP requests.

use super::proxy::Proxy;
use super::url::Url;
use zeroize::Zeroizing;

pub enum Method {
    Get,
    /// With a body of form fields.
    Post(Zeroizing<Vec<u8>>),
}

/// What is asked of a server.
pub struct Request {
    pub url: Url,
    pub method: Method,
    /// The value of an Authorization header.
    pub authorization: Option<Zeroizing<String>>,
}

impl Request {
    /// The bytes of the request, and the size of its head.
    pub(super) fn bytes(&self, proxy: Option<&Proxy>) -> (Zeroizing<Vec<u8>>, usize) {
        let (name, body) = match &self.method {
            Method::Get => ("GET", &[][..]),
            Method::Post(body) => ("POST", body.as_slice()),
        };
        let authority = self.url.authority();
        // The proxy reads only requests that are not encrypted.
        let proxy = proxy.filter(|_| !self.url.https);
        let credentials = proxy.map(Proxy::authorization_header);
        let secrets = [credentials.as_ref(), self.authorization.as_ref()];
        let secrets: usize = secrets.into_iter().flatten().map(|text| text.len()).sum();
        // Allocated at once, because growing would leave copies of secrets in freed memory.
        let room = 1024 + self.url.target.len() + 2 * authority.len() + secrets;
        let mut head = Zeroizing::new(String::with_capacity(room));
        head.push_str(name);
        head.push(' ');
        if proxy.is_some() {
            head.push_str("http://");
            head.push_str(&authority);
        }
        head.push_str(&self.url.target);
        head.push_str(" HTTP/1.1\r\nHost: ");
        head.push_str(&authority);
        head.push_str("\r\n");
        if let Some(credentials) = &credentials {
            head.push_str(credentials);
        }
        if let Some(authorization) = &self.authorization {
            head.push_str("Authorization: ");
            head.push_str(authorization);
            head.push_str("\r\n");
        }
        head.push_str("Connection: close\r\n");
        if let Method::Post(body) = &self.method {
            let form = "Content-Type: application/x-www-form-urlencoded";
            head.push_str(&format!("Content-Length: {}\r\n{form}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let bytes = Zeroizing::new([head.as_bytes(), body].concat());
        (bytes, head.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(request: &Request) -> String {
        let (bytes, head) = request.bytes(None);
        assert!(bytes[..head].ends_with(b"\r\n\r\n"));
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn requests_have_the_expected_bytes() {
        let url = Url::parse(b"https://x:8443/a?b", false).unwrap();
        let get = Request {
            url: url.clone(),
            method: Method::Get,
            authorization: None,
        };
        assert_eq!(
            text(&get),
            "GET /a?b HTTP/1.1\r\nHost: x:8443\r\nConnection: close\r\n\r\n"
        );
        let post = Request {
            url,
            method: Method::Post(Zeroizing::new(b"c=d".to_vec())),
            authorization: Some(Zeroizing::new("Basic e".to_owned())),
        };
        assert_eq!(
            text(&post),
            "POST /a?b HTTP/1.1\r\nHost: x:8443\r\nAuthorization: Basic e\r\nConnection: close\r\n\
             Content-Length: 3\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nc=d"
        );
    }
}
