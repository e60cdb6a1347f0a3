//! The proxy as a whole, between end clients, a small federation server and back ends that all live in the test.

#[cfg(test)]
mod applications;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trust;
