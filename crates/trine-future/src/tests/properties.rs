//! Random sequences of events against references that were written without a look at the code.

mod lifecycle;
mod transitions;
