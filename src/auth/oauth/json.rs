//! A JSON reader with libpq's complaints (jsonapi.c): it names the token it stumbles over, and tells of
//! what it reads in order, so that a limit or a duplicate is complained about before what follows.
//!
//! No library's reader has these texts, and they are interface.

mod lexer;

use lexer::Lexer;
pub use lexer::Token;

/// Takes what is read; an `Err` ends the reading and is what [`read`] answers.
pub trait Visitor {
    fn object_start(&mut self) -> Result<(), String>;
    fn object_end(&mut self);
    /// A value for this field follows.
    fn field(&mut self, name: &str) -> Result<(), String>;
    fn array_start(&mut self) -> Result<(), String>;
    fn array_end(&mut self);
    /// A string without its escapes, or another scalar as it is written.
    fn scalar(&mut self, text: &str, token: Token) -> Result<(), String>;
}

/// Reads one document. The visitor must refuse deep nesting: the reader recurses.
pub fn read(text: &str, visitor: &mut impl Visitor) -> Result<(), String> {
    let mut reader = Reader {
        lexer: Lexer::new(text)?,
        visitor,
    };
    reader.value()?;
    reader.expect(Token::End, "end of input")
}

struct Reader<'a, V> {
    lexer: Lexer<'a>,
    visitor: &'a mut V,
}

impl<V: Visitor> Reader<'_, V> {
    fn value(&mut self) -> Result<(), String> {
        match self.lexer.token {
            Token::ObjectStart => self.object(),
            Token::ArrayStart => self.array(),
            token if token.is_scalar() => {
                let text = self.lexer.take_text();
                // libpq: what follows is looked at before the value is.
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
