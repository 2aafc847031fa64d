#[allow(unused_imports)]
use trine::{Future, as_completed};

fn main() {
    let results = [1, 2];
    let completed = as_completed(results);
    drop(completed);
}
