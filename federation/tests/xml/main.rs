//! What we write, judged by software that is not ours.

mod canonical;
mod issued;
mod support;
