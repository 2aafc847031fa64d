//! Models of tasks that await, and of callbacks, while what they are for ends, in each way that it can.

use super::*;

/// Waits until `unparker` has been woken.
fn sleep_until_woken(unparker: &Unparker) {
    while unparker.wakes.load(Relaxed) == 0 {
        Parker::current().park();
    }
}

fn waker(unparker: &Arc<Unparker>) -> Waker {
    Waker::from(Arc::clone(unparker))
}

grid! {
    waker_replaced: |action, mut future| {
        let (first, second) = (Unparker::new(), Unparker::new());
        let mut polled = poll(&mut future, &waker(&first));
        if polled.is_pending() {
            polled = poll(&mut future, &waker(&second));
        }
        if polled.is_pending() {
            sleep_until_woken(&second);
            polled = poll(&mut future, Waker::noop());
        }
        let Poll::Ready(result) = polled else {
            panic!("a woken future is ready")
        };
        check_result(action, result);
        assert!(first.wakes.load(Relaxed) + second.wakes.load(Relaxed) <= 1);
    };

    polled_then_taken: |action, mut future| {
        let unparker = Unparker::new();
        match poll(&mut future, &waker(&unparker)) {
            Poll::Ready(result) => check_result(action, result),
            // A wait that blocks takes the place of the waker.
            Poll::Pending => check_result(action, future.result()),
        }
    };

    polled_with_callback: |action, mut future| {
        let unparker = Unparker::new();
        let calls = Arc::new(AtomicU32::new(0));
        let (counter, parker) = (Arc::clone(&calls), Parker::current());
        let polled = poll(&mut future, &waker(&unparker));
        future.on_done(move |outcome| {
            assert_eq!(outcome, action.outcome());
            counter.fetch_add(1, Relaxed);
            parker.unpark();
        });
        if polled.is_pending() {
            sleep_until_woken(&unparker);
        }
        while calls.load(Relaxed) == 0 {
            Parker::current().park();
        }
        assert_eq!(calls.load(Relaxed), 1);
        drop(future);
    };

    mapped_and_awaited: |action, future| {
        let mut mapped = future.map(|value: Tracked| Tracked::new(value.get()));
        check_result(action, block_on(&mut mapped));
    };

    shared_and_awaited: |action, future| {
        let shared = future.shared();
        let mut turn = (&shared).into_future();
        let unparker = Unparker::new();
        loop {
            let polled = std::future::Future::poll(Pin::new(&mut turn), &mut Context::from_waker(&waker(&unparker)));
            if let Poll::Ready(result) = polled {
                check_lent(action, result);
                break;
            }
            Parker::current().park();
        }
    };

    shared_with_callback: |action, future| {
        let shared = future.shared();
        let calls = Arc::new(AtomicU32::new(0));
        let (counter, parker) = (Arc::clone(&calls), Parker::current());
        shared.on_done(move |result| {
            check_lent(action, result);
            counter.fetch_add(1, Relaxed);
            parker.unpark();
        });
        drop(shared);
        while calls.load(Relaxed) == 0 {
            Parker::current().park();
        }
        assert_eq!(calls.load(Relaxed), 1);
    };

    cancelled_on_drop: |_, future| drop(future.cancel_on_drop());

    observer_dropped: |_, future| {
        let mut observer = as_completed([future, Future::ready(Tracked::new(0))]);
        drop(observer.next());
    };

    observer_taken_apart: |action, future| {
        // The second one has ended, so this has looked at the first one, too.
        let mut observer = as_completed([(true, future), (false, Future::ready(Tracked::new(0)))]);
        let next = observer.next();
        for (is_watched, future) in observer.into_unfinished().into_iter().chain(next) {
            if is_watched {
                check_result(action, future.result());
            }
        }
    };
}
