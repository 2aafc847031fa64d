//! What may be used on both sides of a `catch_unwind`.

use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind};
use trine::{
    AsyncPool, CancelOnDrop, Future, LazyPromise, ProcessPool, Promise, Shared, TaskGroup, ThreadPool,
    async_tasks, processes, threads,
};
use trine_fixture::in_own_process;

const fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

/// A value that can be left half done.
type Value = Cell<u32>;

const _: () = {
    is_unwind_safe::<ThreadPool>();
    is_unwind_safe::<threads::Handle>();
    is_unwind_safe::<ProcessPool>();
    is_unwind_safe::<processes::StatefulPool<Value>>();
    is_unwind_safe::<AsyncPool>();
    is_unwind_safe::<async_tasks::Handle>();
    is_unwind_safe::<Future<Value>>();
    is_unwind_safe::<CancelOnDrop<Value>>();
    is_unwind_safe::<Promise<Value>>();
    is_unwind_safe::<LazyPromise<Value>>();
    is_unwind_safe::<TaskGroup<Value, Value>>();
    is_unwind_safe::<Shared<u32>>();
};

fn double(number: u32) -> u32 {
    2 * number
}

#[test]
fn a_pool_goes_on_after_a_panic_of_who_submits() {
    in_own_process(|| {
        let threads = ThreadPool::new(1).unwrap();
        let processes = ProcessPool::new(1).unwrap();
        let tasks = AsyncPool::new(1).unwrap();
        let unwound = catch_unwind(|| -> [Future<u32>; 3] {
            let _futures = [
                threads.spawn(|| double(1)),
                processes.submit(double, 1),
                tasks.spawn(async { double(1) }),
            ];
            panic!("after it has submitted");
        });
        assert!(unwound.is_err());
        assert_eq!(threads.submit(double, 2).result().unwrap(), 4);
        assert_eq!(processes.submit(double, 2).result().unwrap(), 4);
        assert_eq!(tasks.spawn(async { double(2) }).result().unwrap(), 4);
    });
}
