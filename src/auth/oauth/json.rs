//! A JSON parser with libpq's error texts (jsonapi.c). An error names the token at which parsing failed. The parser
//! reports each item to a visitor in order, so that the visitor's error (a limit, a duplicate) comes before errors in
//! the text after it.
//!
//! The texts are part of the interface, and no JSON library has them.

mod lexer;

use lexer::Lexer;
pub use lexer::Token;

/// Receives the parsed items. [`read`] stops at the first `Err` and returns it.
pub trait Visitor {
    fn object_start(&mut self) -> Result<(), String>;
    fn object_end(&mut self);
    /// A field's name. Its value follows.
    fn field(&mut self, name: &str) -> Result<(), String>;
    fn array_start(&mut self) -> Result<(), String>;
    fn array_end(&mut self);
    /// A string with its escapes decoded, or another scalar as written.
    fn scalar(&mut self, text: &str, token: Token) -> Result<(), String>;
}

/// Parses one document. The visitor must reject deep nesting, because the parser recurses.
pub fn read(text: &str, visitor: &mut impl Visitor) -> Result<(), String> {
    let mut reader = JsonParser {
        lexer: Lexer::new(text)?,
        visitor,
    };
    reader.value()?;
    reader.expect(Token::End, "end of input")
}

struct JsonParser<'a, V> {
    lexer: Lexer<'a>,
    visitor: &'a mut V,
}

impl<V: Visitor> JsonParser<'_, V> {
    fn value(&mut self) -> Result<(), String> {
        match self.lexer.token {
            Token::ObjectStart => self.object(),
            Token::ArrayStart => self.array(),
            token if token.is_scalar() => {
                let text = self.lexer.take_text();
                // libpq: the next token is read before the value is reported.
                self.lexer.advance()?;
                self.visitor.scalar(&text, token)
            }
            _ => Err(self.lexer.expected("JSON value")),
        }
    }

    fn object(&mut self) -> Result<(), String> {
        self.visitor.object_start()?;
        self.lexer.advance()?;
        match self.lexer.token {
            Token::String => self.fields()?,
            Token::ObjectEnd => {}
            _ => return Err(self.lexer.expected("string or \"}\"")),
        }
        self.expect(Token::ObjectEnd, "\",\" or \"}\"")?;
        self.visitor.object_end();
        Ok(())
    }

    fn fields(&mut self) -> Result<(), String> {
        loop {
            if self.lexer.token != Token::String {
                return Err(self.lexer.expected("string"));
            }
            let name = self.lexer.take_text();
            self.lexer.advance()?;
            self.expect(Token::Colon, "\":\"")?;
            self.visitor.field(&name)?;
            self.value()?;
            if self.lexer.token != Token::Comma {
                return Ok(());
            }
            self.lexer.advance()?;
        }
    }

    fn array(&mut self) -> Result<(), String> {
        self.visitor.array_start()?;
        self.lexer.advance()?;
        if self.lexer.token != Token::ArrayEnd {
            self.value()?;
            while self.lexer.token == Token::Comma {
                self.lexer.advance()?;
                self.value()?;
            }
        }
        self.expect(Token::ArrayEnd, "\",\" or \"]\"")?;
        self.visitor.array_end();
        Ok(())
    }

    fn expect(&mut self, token: Token, what: &str) -> Result<(), String> {
        if self.lexer.token != token {
            return Err(self.lexer.expected(what));
        }
        match token {
            Token::End => Ok(()),
            _ => self.lexer.advance(),
        }
    }
}

#[cfg(test)]
mod tests;
