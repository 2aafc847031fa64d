//! A program that has two versions of Trine and, in the libraries that are its arguments, more copies of it.

mod load;

fn sum(numbers: Vec<u32>) -> u32 {
    numbers.into_iter().sum()
}

fn text(number: u32) -> String {
    number.to_string()
}

fn main() {
    println!("main");
    let this = this_version::ProcessPool::new(1).expect("a pool");
    let next = next_version::ProcessPool::new(1).expect("a pool");
    for library in std::env::args().skip(1) {
        load::function(&library)();
    }
    let both = (this.submit(sum, vec![1, 2, 3]), next.submit(sum, vec![4, 5, 6]));
    println!("this version {}", both.0.result().expect("a value"));
    println!("next version {}", both.1.result().expect("a value"));
    println!("this version {}", this.submit(text, 7).result().expect("a value"));
    println!("next version {}", next.submit(text, 8).result().expect("a value"));
}
