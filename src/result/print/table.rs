//! The layouts in which every value is measured before the first one is printed.

use super::{Column, Printer, own_name, padded, repeat, text};

impl Printer<'_, '_> {
    /// Prints the header and all rows of a layout that needs the width of every value.
    pub(super) fn table(&mut self) {
        let options = self.options;
        if options.html3 {
            self.html_table_start();
        }
        if options.header {
            self.header();
        }
        for row in 0..self.result.nrows() {
            self.row(row);
        }
    }

    fn html_table_start(&mut self) {
        self.html_table(b"");
        if self.options.header {
            let counted = self.count_text("Retrieved");
            let caption = self.options.caption.unwrap_or(&counted);
            self.put(&[b"<caption align=\"top\">", caption, b"</caption>\n"]);
        }
    }

    fn header(&mut self) {
        let options = self.options;
        for column in &mut self.columns {
            column.rule = column.width;
        }
        match (options.html3, options.standard) {
            (true, _) => self.put(&[b"<tr>"]),
            (false, true) => self.border_line(),
            (false, false) => {}
        }
        if options.standard {
            self.put(&[options.separator]);
        }
        for column in 0..self.columns.len() {
            self.header_cell(column);
        }
        if options.html3 {
            self.put(&[b"</tr>\n"]);
        } else {
            self.put(&[b"\n"]);
            self.border_line();
        }
    }

    fn header_cell(&mut self, column: usize) {
        if self.options.html3 {
            let align = self.alignment(column);
            let name = self.columns[column].name;
            return self.put(&[b"<th align=\"", align, b"\">", name, b"</th>"]);
        }
        // libpq: here the column's name is printed, but the border does not get wider for it.
        let name = own_name(self.result, column);
        let width = &mut self.columns[column].width;
        *width = (*width).max(name.len());
        self.cell(column, name);
    }

    fn border_line(&mut self) {
        let standard = self.options.standard;
        let crossing = self.options.separator.len();
        let margin = if standard { 2 } else { 0 };
        for column in 0..self.columns.len() {
            if column > 0 || standard {
                repeat(self.out, b'+', crossing);
            }
            repeat(self.out, b'-', self.columns[column].rule + margin);
        }
        if standard {
            repeat(self.out, b'+', crossing);
        }
        self.put(&[b"\n"]);
    }

    fn row(&mut self, row: i32) {
        let options = self.options;
        match (options.html3, options.standard) {
            (true, _) => self.put(&[b"<tr>"]),
            (false, true) => self.put(&[options.separator]),
            (false, false) => {}
        }
        for column in 0..self.columns.len() {
            let value = text(self.result, row, column).unwrap_or_default();
            if options.html3 {
                let align = self.alignment(column);
                self.put(&[b"<td align=\"", align, b"\">", value, b"</td>"]);
            } else {
                self.cell(column, value);
            }
        }
        match (options.html3, options.standard) {
            (true, _) => self.put(&[b"</tr>\n"]),
            (false, true) if options.header => {
                self.put(&[b"\n"]);
                self.border_line();
            }
            // libpq: the standard layout without a header prints an empty border.
            (false, true) => self.put(&[b"\n(null)\n"]),
            (false, false) => self.put(&[b"\n"]),
        }
    }

    /// Prints a padded value and the separator after it.
    fn cell(&mut self, column: usize, value: &[u8]) {
        let Column { width, text, .. } = self.columns[column];
        let separator = self.options.separator;
        if self.options.standard {
            self.put(&[b" "]);
        }
        padded(self.out, value, width, text);
        if self.options.standard {
            self.put(&[b" ", separator]);
        } else if column + 1 < self.columns.len() {
            self.put(&[separator]);
        }
    }
}
