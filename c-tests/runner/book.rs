//! The book: every code block in it is run, compiled or at least parsed, and every link leads somewhere.

mod blocks;
mod containers;
mod languages;
mod links;
mod options;
mod pages;
mod relay;
mod sessions;
mod switchover;
