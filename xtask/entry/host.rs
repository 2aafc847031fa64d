//! A program without Trine. Its arguments are the libraries that it loads and runs; `delete` deletes the next one in between.

mod load;

fn main() {
    println!("main");
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "delete" {
            let library = arguments.next().expect("a library follows");
            let run = load::function(&library);
            std::fs::remove_file(library).expect("it can be deleted");
            run();
        } else {
            load::function(&argument)();
        }
    }
}
