// A static initialiser that is linked after the library, so that it runs after the entry of workers.
static int late = 0;

static struct Late {
    Late() { late = 1; }
} initialiser;

extern "C" int program_late() { return late; }
