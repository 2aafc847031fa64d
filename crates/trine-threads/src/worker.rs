//! A thread of the pool: it finds tasks, runs them, and sleeps when there are none.

use crate::queues::Queues;
use crossbeam_deque::Worker as Deque;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use trine_future::{BlockingHook, Drive, Owner, Task, Waiting, set_blocking_hook};

/// How often a searching worker looks at all queues before it sleeps.
const SEARCHES: u32 = 4;

/// A thread of a pool, as it knows itself.
pub(crate) struct Worker {
    queues: Arc<Queues>,
    role: Role,
}

enum Role {
    /// One of the pool's workers, with its number and its own tasks.
    Regular { number: usize, deque: Deque<Task> },
    /// Stands in for one that sleeps. It has no tasks of its own, so that it can leave at any time.
    Spare,
}

thread_local! {
    /// The worker that the calling thread is.
    static CURRENT: RefCell<Option<Rc<Worker>>> = const { RefCell::new(None) };
}

/// Starts the worker with this number.
pub(crate) fn start(queues: &Arc<Queues>, number: usize, deque: Deque<Task>) -> io::Result<()> {
    let name = format!("trine-{}-{number}", queues.number);
    start_thread(queues, name, Role::Regular { number, deque })
}

fn start_thread(queues: &Arc<Queues>, name: String, role: Role) -> io::Result<()> {
    queues.thread_starts();
    let shared = Arc::clone(queues);
    let thread = thread::Builder::new().name(name).spawn(move || {
        Rc::new(Worker {
            queues: Arc::clone(&shared),
            role,
        })
        .work();
        shared.thread_ended();
    });
    match thread {
        Ok(thread) => {
            queues.thread_started(thread);
            Ok(())
        }
        Err(error) => {
            queues.thread_ended();
            Err(error)
        }
    }
}

impl Worker {
    fn work(self: Rc<Self>) {
        CURRENT.with_borrow_mut(|current| *current = Some(Rc::clone(&self)));
        let (before, after) = (Arc::clone(&self.queues), Arc::clone(&self.queues));
        set_blocking_hook(Some(BlockingHook {
            begin: Box::new(move || block(&before)),
            end: Box::new(move || after.spares.unblock()),
        }));
        while let Some(task) = self.next_task() {
            if self.queues.is_cancelling() {
                drop(task);
            } else {
                task.run();
            }
            if matches!(self.role, Role::Spare) && self.queues.spares.retire() {
                break;
            }
        }
        set_blocking_hook(None);
        CURRENT.with_borrow_mut(|current| *current = None);
    }

    /// The next task to run; waits for one. `None` when the pool is closed and has no more.
    fn next_task(&self) -> Option<Task> {
        if let Some(task) = self
            .own_task()
            .or_else(|| self.queues.take_injected(self.deque()))
        {
            return Some(task);
        }
        self.queues.sleep.start_searching();
        loop {
            for _ in 0..SEARCHES {
                if let Some(task) = self.search() {
                    self.queues.sleep.stop_searching();
                    return Some(task);
                }
                trine_platform::spin_loop();
            }
            if self.queues.is_closed() {
                // What was pushed before the pool was closed may not have been seen above.
                let task = self.search();
                self.queues.sleep.stop_searching();
                return task;
            }
            self.queues.sleep.sleep(|| self.queues.nothing_to_do());
        }
    }

    fn search(&self) -> Option<Task> {
        let number = match self.role {
            Role::Regular { number, .. } => number,
            Role::Spare => 0,
        };
        self.queues
            .take_injected(self.deque())
            .or_else(|| self.queues.steal(number))
    }

    fn own_task(&self) -> Option<Task> {
        self.deque()?.pop()
    }

    fn deque(&self) -> Option<&Deque<Task>> {
        match &self.role {
            Role::Regular { deque, .. } => Some(deque),
            Role::Spare => None,
        }
    }
}

/// Whether the calling thread belongs to this pool.
pub(crate) fn is_current(queues: &Queues) -> bool {
    with_current(|worker| worker.is_some_and(|worker| std::ptr::eq(&raw const *worker.queues, queues)))
}

/// Queues a task: with the calling thread's own ones, if it is a worker of this pool.
pub(crate) fn push(queues: &Queues, task: Task) {
    with_current(|worker| {
        let own = worker.filter(|worker| std::ptr::eq(&raw const *worker.queues, queues));
        queues.push(task, own.and_then(Worker::deque));
    });
}

fn with_current<R>(function: impl FnOnce(Option<&Worker>) -> R) -> R {
    // A thread whose locals are gone is no worker any more. Cloned, because what is called may end up here again.
    let current = CURRENT
        .try_with(|current| current.borrow().clone())
        .ok()
        .flatten();
    function(current.as_deref())
}

/// The calling thread of the pool goes to sleep in a wait: has a spare take its place.
fn block(queues: &Arc<Queues>) {
    if queues.spares.block()
        && start_thread(queues, format!("trine-{}-spare", queues.number), Role::Spare).is_err()
    {
        // The system has no thread left. The wait goes on without a spare, as beyond the limit.
        queues.spares.not_started();
    }
}

/// What a task knows of its pool: which one it is. Never dereferenced, because futures outlive pools.
pub(crate) struct PoolOfTask(usize);

impl PoolOfTask {
    pub(crate) fn new(queues: &Arc<Queues>) -> Self {
        Self(Arc::as_ptr(queues).addr())
    }
}

impl Owner for PoolOfTask {
    /// A worker that waits without a time-out for an unstarted task of its own pool runs it.
    fn drive(&self, waiting: Waiting<'_>) -> Drive {
        let own_pool =
            with_current(|worker| worker.is_some_and(|worker| Arc::as_ptr(&worker.queues).addr() == self.0));
        match waiting {
            Waiting::Untimed if own_pool => Drive::Run,
            _ => Drive::Sleep,
        }
    }
}
