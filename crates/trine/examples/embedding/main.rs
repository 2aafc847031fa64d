//! An application with a library that works in processes of its own, which the application need not know.
//!
//! There is nothing about it here: no guard in `main`, no call at its start. The library is `spelling.rs`.

mod spelling;

fn main() -> Result<(), spelling::Error> {
    println!("main runs once");
    for text in ["to be or not to be", "that is teh question"] {
        println!("{text}: {:?}", spelling::unknown_words(text)?);
    }
    Ok(())
}
