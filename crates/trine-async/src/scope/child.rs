//! A task of a scope.

use super::Shared;
use crate::report_panic::report_panic;
use crate::stop::Stop;
use pin_project_lite::pin_project;
use std::any::type_name;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use trine_future::{OwnedPromise, TaskError, TaskSpan, catch_panic};

pin_project! {
    /// A task of a scope.
    pub(super) struct Child<'env, F, T, E>
    where
        T: Send,
        T: 'static,
    {
        // Gone as soon as the task has ended.
        #[pin]
        future: Option<F>,
        promise: Option<OwnedPromise<T, Stop, ()>>,
        span: TaskSpan,
        scope: Arc<Shared<'env, E>>,
    }

    impl<'env, F, T, E> PinnedDrop for Child<'env, F, T, E>
    where
        T: Send,
        T: 'static,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(promise) = this.promise.take() {
                // PANIC: the destructors are the user's code, and the other tasks have to be dropped, too.
                report_panic(catch_panic(|| this.span.inside(|| this.future.set(None))));
                promise.into_promise().cancel();
            }
        }
    }
}

impl<'env, F, T, E> Child<'env, F, T, E>
where
    T: Send + 'static,
{
    pub(super) fn new(future: F, promise: OwnedPromise<T, Stop, ()>, scope: &Arc<Shared<'env, E>>) -> Self {
        Self {
            future: Some(future),
            promise: Some(promise),
            span: TaskSpan::current().child("async", "a scope", type_name::<F>()),
            scope: Arc::clone(scope),
        }
    }
}

impl<F, T, E> Future for Child<'_, F, T, E>
where
    F: Future<Output = Result<T, E>>,
    T: Send + 'static,
    E: From<TaskError>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let (Some(mut promise), Some(future)) = (this.promise.take(), this.future.as_mut().as_pin_mut())
        else {
            return Poll::Ready(());
        };
        // Before it looks whether it was cancelled: so whoever cancels later finds the waker.
        promise.owner().watch(context.waker());
        // PANIC: the future is the user's code.
        let result = match promise
            .start()
            .then(|| catch_panic(|| this.span.inside(|| future.poll(context))))
        {
            Some(Ok(Poll::Pending)) => {
                *this.promise = Some(promise);
                return Poll::Pending;
            }
            Some(Ok(Poll::Ready(result))) => Some(result),
            Some(Err(panic)) => Some(Err(E::from(TaskError::panicked(panic)))),
            // It was cancelled.
            None => None,
        };
        // PANIC: the destructors are the user's code.
        let dropped = catch_panic(|| this.span.inside(|| this.future.set(None)));
        *this.span = TaskSpan::none();
        match (result, dropped) {
            (Some(Ok(value)), Ok(())) => {
                if let Err(cancelled) = promise.into_promise().complete(value) {
                    // PANIC: as above.
                    report_panic(catch_panic(|| drop(cancelled)));
                }
            }
            (Some(Err(error)), dropped) => {
                promise.into_promise().cancel();
                this.scope.fail(error);
                report_panic(dropped);
            }
            (value, Err(panic)) => {
                promise.into_promise().cancel();
                this.scope.fail(E::from(TaskError::panicked(panic)));
                // PANIC: as above.
                report_panic(catch_panic(|| drop(value)));
            }
            (None, Ok(())) => {}
        }
        Poll::Ready(())
    }
}
