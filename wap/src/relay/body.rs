//! Bodies that pass through: never held as a whole, bounded in size, and ended when they stand still.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep};

use super::progress::{Progress, Report};
use crate::front::UnderWay;
use crate::log::AccessLine;

/// Why a body was cut off.
#[derive(Debug, Error)]
pub enum BodyError {
    /// More bytes than allowed.
    #[error("the body is longer than {0} bytes")]
    TooLarge(u64),
    /// Nothing moved for too long.
    #[error("nothing of the body came for {} s", .0.as_secs())]
    Stalled(Duration),
    /// The sender went away.
    #[error("the body broke off: {0}")]
    Broken(#[from] hyper::Error),
}

impl BodyError {
    /// Finds one in the causes of a client's error.
    pub(crate) fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a BodyError> {
        let mut cause = Some(error);
        while let Some(current) = cause {
            if let Some(found) = current.downcast_ref() {
                return Some(found);
            }
            cause = current.source();
        }
        None
    }

    /// Whether what came is no body at all, rather than half of one.
    pub(crate) fn is_malformed(&self) -> bool {
        let BodyError::Broken(error) = self else {
            return false;
        };
        // The library has no question for it: errors of its decoder are those of `io` with these kinds.
        let cause = error.source().and_then(<dyn Error>::downcast_ref);
        cause.is_some_and(|cause: &io::Error| {
            use io::ErrorKind::{InvalidData, InvalidInput};
            matches!(cause.kind(), InvalidData | InvalidInput)
        })
    }
}

/// A body on its way.
pub struct Body {
    content: Content,
    /// Written when the body is dropped, be it at its end or before.
    line: Option<Box<AccessLine>>,
    /// Keeps the end client's connection busy until the body is dropped.
    _under_way: Option<UnderWay>,
}

enum Content {
    Empty,
    Full(Bytes),
    Stream(Box<Stream>),
}

struct Stream {
    inner: Incoming,
    limit: u64,
    passed: u64,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    /// Whether the timer counts: only while we wait for the sender, not while the receiver is slow to ask.
    waiting: bool,
    /// Who is told of it, for a request's body.
    report: Option<Report>,
}

impl Body {
    /// Nothing.
    pub fn empty() -> Body {
        Body {
            content: Content::Empty,
            line: None,
            _under_way: None,
        }
    }

    /// Something small.
    pub fn full(bytes: Bytes) -> Body {
        Body {
            content: Content::Full(bytes),
            line: None,
            _under_way: None,
        }
    }

    /// What comes from elsewhere: at most `limit` bytes, some of them in every span of `patience`.
    pub(crate) fn stream(inner: Incoming, limit: u64, patience: Duration) -> Body {
        if inner.is_end_stream() {
            return Body::empty();
        }
        let timer = Box::pin(tokio::time::sleep(patience));
        let stream = Stream {
            inner,
            limit,
            passed: 0,
            patience,
            timer,
            waiting: false,
            report: None,
        };
        Body {
            content: Content::Stream(Box::new(stream)),
            line: None,
            _under_way: None,
        }
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.content, Content::Empty)
    }

    /// Tells `progress` whenever something passes, or nothing does.
    pub(super) fn reporting(mut self, progress: &Arc<Progress>) -> Body {
        if let Content::Stream(stream) = &mut self.content {
            stream.report = Some(Report(progress.clone()));
        }
        self
    }

    pub(crate) fn with_line(mut self, line: AccessLine) -> Body {
        self.line = Some(Box::new(line));
        self
    }

    pub(crate) fn holding(mut self, under_way: UnderWay) -> Body {
        self._under_way = Some(under_way);
        self
    }
}

impl Stream {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let next = Pin::new(&mut self.inner).poll_frame(context);
        match &self.report {
            Some(report) if next.is_ready() => report.moved(),
            Some(report) => report.waiting(),
            None => {}
        }
        match next {
            Poll::Ready(Some(Ok(frame))) => {
                self.waiting = false;
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.passed = self
                    .passed
                    .saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
                if self.passed > self.limit {
                    return Poll::Ready(Some(Err(BodyError::TooLarge(self.limit))));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => Poll::Ready(end.map(|result| result.map_err(BodyError::from))),
            Poll::Pending => {
                if !self.waiting {
                    self.waiting = true;
                    self.timer.as_mut().reset(Instant::now() + self.patience);
                }
                self.timer
                    .as_mut()
                    .poll(context)
                    .map(|()| Some(Err(BodyError::Stalled(self.patience))))
            }
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = self.get_mut();
        let next = match &mut body.content {
            Content::Empty => Poll::Ready(None),
            Content::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                body.content = Content::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Content::Stream(stream) => stream.poll(context),
        };
        if let (Poll::Ready(frame), Some(line)) = (&next, &mut body.line) {
            match frame {
                Some(Ok(frame)) => line.count(frame.data_ref().map_or(0, Bytes::len)),
                Some(Err(error)) => line.broken(error),
                None => {}
            }
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty => true,
            Content::Full(_) => false,
            Content::Stream(stream) => stream.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty => SizeHint::with_exact(0),
            Content::Full(bytes) => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Content::Stream(stream) => stream.inner.size_hint(),
        }
    }
}
