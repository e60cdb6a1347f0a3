//! What we write, judged by software that is not ours.

#[cfg(test)]
mod canonical;
#[cfg(test)]
mod issued;
#[cfg(test)]
mod support;
