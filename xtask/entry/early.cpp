// A program with static initialisers, linked before the library. They start a thread, build a pool, and have an effect.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <unistd.h>

extern "C" {
int archive_builds();
void archive_enter();
void archive_run(int in_main);
int program_late();
}

static int early = 0;
static int pools = 0;

static struct Early {
    Early() {
        std::thread([] {
            for (;;) pause();
        }).detach();
        pools = archive_builds();
        early = 1;
    }
} initialiser;

extern "C" int program_early() { return early; }
extern "C" int program_pools() { return pools; }

// HOW: `main` enters in main, `forget` should but does not.
int main() {
    const char *how = getenv("HOW");
    int in_main = how != nullptr;
    if (in_main && std::strcmp(how, "main") == 0) archive_enter();
    std::printf("main: early %d, late %d, pools %d\n", early, program_late(), pools);
    std::fflush(stdout);
    archive_run(in_main);
    return 0;
}
