/* The near end of the benchmark: starts streams, reads them all, and tells how old each token was when it came.
 *
 *   client --port P --request FILE [--feed FILE --feeds F] [--places FILE] --streams N --tokens K --starts S --timeout T
 *
 * S times a second the bytes of --request are sent on a new connection, {I} replaced by the stream's number in four
 * digits and {P} by the same line of --places. Without --feed the answer to it is the stream. With --feed, F connections
 * that send those bytes are opened first, and every one of them gets the text of all streams.
 * A stream is complete when each of its K marks "@T<ns>.<stream>.<seq>;" came on every feed, once and in order.
 * Ages are recorded while the state is steady: from half a second after every stream has begun until the first one
 * ends. Prints one line of JSON; times are in microseconds, the window of the steady state in monotonic nanoseconds.
 *
 * Talks to 127.0.0.1 only. Called by load.py.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SETTLE_NS 500000000ull
#define MAX_STREAMS 4096
#define FILE_BYTES (1 << 20)
#define LINE_BYTES 65536        /* of a delta; longer lines carry no marks */

enum kind { STREAM, START, FEED };
enum part { SIZE, DATA, DATA_END, TRAILER };

typedef struct { int at, stream, seq; uint64_t ns; } Scanner;           /* of marks, across pieces of one text */
typedef struct { char id[32]; Scanner scanner; } Message;
typedef struct { int got, next, wrong; } Place;                         /* of one stream on one feed */

typedef struct {
    enum kind kind;
    int fd, number, in_body, status, chunked, ended;
    char *out; int out_len, out_off;
    char head[8192]; int head_len;
    enum part part; long left;
    char size[20]; int size_len;
    char *line; int line_len;
    Scanner scanner;
    Message *messages;
} Conn;

static int epoll_fd, port, streams = 1, tokens = 600, feeds = 1, failures;
static char *request_text, *feed_text, **places, sample[200];
static double starts = 150, timeout_s = 60;
static Place *seen;                     /* [feed][stream] */
static uint64_t *started_at, steady_from, steady_until, token_count, delta_count;
static double *first_us;
static int begun, complete, ready;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* ---- ages: a histogram of 64 steps an octave, in units of 256 ns */

#define STEPS 64
#define BUCKETS (STEPS * 48)
static uint64_t histogram[BUCKETS], recorded;

static void record(uint64_t ns) {
    uint64_t units = ns >> 8;
    int octave = units < STEPS ? 0 : 58 - __builtin_clzll(units);
    int bucket = octave * STEPS + (octave ? (units >> (octave - 1)) - STEPS : units);
    histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    recorded++;
}

static double age_us(double share) {    /* the middle of the bucket that it falls into; -1 when nothing was recorded */
    uint64_t before = 0;
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
        before += histogram[bucket];
        if (before <= share * recorded) continue;
        int octave = bucket / STEPS;
        double low = octave ? (double)(STEPS + bucket % STEPS) * (1ull << (octave - 1)) : bucket;
        return (low + 0.5 * (octave ? 1ull << (octave - 1) : 1)) * 256 / 1e3;
    }
    return -1;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double first_at(double share) { return begun ? first_us[(int)(share * (begun - 1) + 0.5)] : -1; }

/* ---- marks */

static void mark(int feed, int stream, int seq, uint64_t ns, uint64_t now) {
    if (stream < 0 || stream >= streams || !started_at[stream]) { failures++; return; }
    Place *place = &seen[feed * streams + stream];
    if (!place->got++) {
        first_us[begun++] = (now - started_at[stream]) / 1e3;
        if (begun == streams * feeds) steady_from = now + SETTLE_NS;
    }
    token_count++;
    if (seq == place->next) place->next++; else place->wrong++;
    if (steady_from && now >= steady_from && !steady_until) record(now > ns ? now - ns : 0);
    if (place->got == tokens) {
        if (!steady_until) steady_until = now;
        complete++;
    }
}

static void scan(Scanner *s, int feed, const char *bytes, long len, uint64_t now) {
    for (long i = 0; i < len; i++) {
        char ch = bytes[i];
        int is_digit = ch >= '0' && ch <= '9';
        if (s->at >= 2 && is_digit) {
            if (s->at == 2) s->ns = s->ns * 10 + ch - '0';
            else if (s->at == 3) s->stream = s->stream * 10 + ch - '0';
            else s->seq = s->seq * 10 + ch - '0';
        } else if (s->at == 1 && ch == 'T') *s = (Scanner){.at = 2};
        else if ((s->at == 2 || s->at == 3) && ch == '.') s->at++;
        else if (s->at == 4 && ch == ';') { mark(feed, s->stream, s->seq, s->ns, now); s->at = 0; }
        else s->at = ch == '@';
    }
}

/* A mark may be cut by the end of a delta, and goes on in the next one of the same message. */
static Scanner *scanner_of(Conn *c, const char *id, int len) {
    unsigned hash = 0;
    for (int i = 0; i < len; i++) hash = hash * 31 + (unsigned char)id[i];
    for (;; hash++) {
        Message *m = &c->messages[hash % (2 * MAX_STREAMS)];
        if (!*m->id) memcpy(m->id, id, len);
        if (!strncmp(m->id, id, len)) return &m->scanner;
    }
}

static void feed_line(Conn *c, uint64_t now) {
    static const char delta[] = "data: {\"message_id\":\"", text[] = "\"text\":\"";
    c->line[c->line_len] = 0;
    if (!strncmp(c->line, delta, sizeof delta - 1)) {
        char *id = c->line + sizeof delta - 1, *end = strchr(id, '"'), *from = end ? strstr(end, text) : NULL;
        delta_count++;
        if (from && end - id < (int)sizeof ((Message *)0)->id) {
            from += sizeof text - 1;    /* up to the closing quote and brace: a cut mark goes on with nothing between */
            scan(scanner_of(c, id, end - id), c->number, from, c->line + c->line_len - 2 - from, now);
        }
    } else if (!strcmp(c->line, "event: ready")) ready++;
    c->line_len = 0;
}

static void body(Conn *c, const char *bytes, long len, uint64_t now) {
    if (c->kind == STREAM) { scan(&c->scanner, 0, bytes, len, now); return; }
    if (c->kind == START) return;
    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        long part = end ? end - bytes : len;
        long room = LINE_BYTES - 1 - c->line_len, kept = part < room ? part : room;
        memcpy(c->line + c->line_len, bytes, kept);
        c->line_len += kept;
        if (!end) return;
        feed_line(c, now);
        bytes += part + 1;
        len -= part + 1;
    }
}

/* ---- connections */

static void finish(Conn *c) {
    if (c->ended) return;
    c->ended = 1;
    close(c->fd);
    free(c->out);
    c->out = NULL;
}

static void fail(Conn *c, const char *what, const char *detail) {
    if (!*sample) snprintf(sample, sizeof sample, "%s %.150s", what, detail);
    failures++;
    finish(c);
}

static void send_rest(Conn *c) {
    while (c->out_off < c->out_len) {
        ssize_t k = send(c->fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL);
        if (k < 0 && (errno == EAGAIN || errno == ENOTCONN)) return;
        if (k < 0) { fail(c, "send:", strerror(errno)); return; }
        c->out_off += k;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static char *filled(const char *text, int number) {
    char *made = malloc(strlen(text) + 4096), *to = made;
    while (*text) {
        if (!strncmp(text, "{I}", 3)) { to += sprintf(to, "%04d", number); text += 3; }
        else if (!strncmp(text, "{P}", 3) && places) { to = stpcpy(to, places[number]); text += 3; }
        else *to++ = *text++;
    }
    *to = 0;
    return made;
}

static void dial(Conn *c, enum kind kind, int number, const char *text) {
    *c = (Conn){.kind = kind, .number = number, .out = filled(text, number)};
    if (kind == FEED) { c->line = malloc(LINE_BYTES); c->messages = calloc(2 * MAX_STREAMS, sizeof *c->messages); }
    c->out_len = strlen(c->out);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int yes = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(c->fd, (void *)&there, sizeof there) && errno != EINPROGRESS) { fail(c, "connect:", strerror(errno)); return; }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

static void dechunk(Conn *c, const char *bytes, long len, uint64_t now) {
    if (!c->chunked) { body(c, bytes, len, now); return; }
    while (len > 0) {
        if (c->part == DATA) {
            long part = len < c->left ? len : c->left;
            body(c, bytes, part, now);
            bytes += part; len -= part; c->left -= part;
            if (!c->left) c->part = DATA_END;
            continue;
        }
        char ch = *bytes++;
        len--;
        if (c->part == SIZE && ch != '\n') { if (c->size_len < 18) c->size[c->size_len++] = ch; continue; }
        if (ch != '\n') continue;
        if (c->part == SIZE) {
            c->size[c->size_len] = 0;
            c->size_len = 0;
            c->left = strtol(c->size, NULL, 16);
            c->part = c->left ? DATA : TRAILER;
        } else if (c->part == DATA_END) c->part = SIZE;
        else { finish(c); return; }
    }
}

static void on_read(Conn *c) {
    static char bytes[262144];
    ssize_t len = recv(c->fd, bytes, sizeof bytes, 0);
    uint64_t now = now_ns();
    if (len < 0 && errno == EAGAIN) return;
    if (len <= 0) {                     /* how a start ends; a stream is judged by its marks, a feed must stay */
        if (c->kind == FEED || !c->in_body) fail(c, "the connection ended", c->head); else finish(c);
        return;
    }
    long used = 0;
    if (!c->in_body) {
        int old = c->head_len, room = sizeof c->head - 1 - old;
        memcpy(c->head + old, bytes, len < room ? len : room);
        c->head[c->head_len += len < room ? len : room] = 0;
        char *blank = strstr(c->head, "\r\n\r\n");
        if (!blank) return;
        used = blank + 4 - c->head - old;
        *blank = 0;
        c->in_body = 1;
        c->chunked = strcasestr(c->head, "transfer-encoding: chunked") != NULL;
        if (atoi(c->head + 9) / 100 != 2) { fail(c, c->head, bytes + used); return; }
    }
    dechunk(c, bytes + used, len - used, now);
}

static void serve(uint64_t until) {     /* one wait, and what it brought */
    static struct epoll_event events[1024];
    uint64_t now = now_ns(), ns = until > now ? until - now : 0;
    if (ns > 200000000ull) ns = 200000000ull;
    struct timespec wait = {0, ns};
    int count = epoll_pwait2(epoll_fd, events, 1024, &wait, NULL);
    for (int i = 0; i < count; i++) {
        Conn *c = events[i].data.ptr;
        if (!c->ended && c->out_off < c->out_len) send_rest(c);
        if (!c->ended && events[i].events & ~EPOLLOUT) on_read(c);
    }
}

/* ---- start */

static char *whole(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, FILE_BYTES);
    if (!file || fread(text, 1, FILE_BYTES - 1, file) < 1) { perror(path); exit(2); }
    fclose(file);
    return text;
}

static void read_options(int argc, char **argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
        char *name = argv[i], *value = argv[i + 1];
        if (!strcmp(name, "--port")) port = atoi(value);
        else if (!strcmp(name, "--request")) request_text = whole(value);
        else if (!strcmp(name, "--feed")) feed_text = whole(value);
        else if (!strcmp(name, "--feeds")) feeds = atoi(value);
        else if (!strcmp(name, "--streams")) streams = atoi(value);
        else if (!strcmp(name, "--tokens")) tokens = atoi(value);
        else if (!strcmp(name, "--starts")) starts = atof(value);
        else if (!strcmp(name, "--timeout")) timeout_s = atof(value);
        else if (!strcmp(name, "--places")) {
            int count = 0;
            places = calloc(MAX_STREAMS, sizeof *places);
            for (char *line = strtok(whole(value), "\n"); line && count < MAX_STREAMS; line = strtok(NULL, "\n")) places[count++] = line;
        } else { fprintf(stderr, "what is %s?\n", name); exit(2); }
    }
    if (!port || !request_text || streams > MAX_STREAMS) { fprintf(stderr, "client: see its first lines\n"); exit(2); }
    if (!feed_text) feeds = 1;
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10});     /* reads at once; root only */
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    Conn *conns = calloc(streams, sizeof *conns), *feed_conns = calloc(feeds, sizeof *feed_conns);
    seen = calloc((size_t)feeds * streams, sizeof *seen);
    started_at = calloc(streams, sizeof *started_at);
    first_us = calloc((size_t)feeds * streams, sizeof *first_us);
    epoll_fd = epoll_create1(0);
    uint64_t deadline = now_ns() + timeout_s * 1e9;
    for (int i = 0; feed_text && i < feeds; i++) dial(&feed_conns[i], FEED, i, feed_text);
    while (feed_text && ready < feeds && !failures && now_ns() < deadline) serve(deadline);
    uint64_t begin = now_ns();
    for (int started = 0; complete < feeds * streams && now_ns() < deadline;) {
        for (; started < streams && begin + started * 1e9 / starts <= now_ns(); started++) {
            started_at[started] = now_ns();
            dial(&conns[started], feed_text ? START : STREAM, started, request_text);
        }
        if (failures && feed_text && feed_conns[0].ended) break;
        serve(started < streams ? begin + started * 1e9 / starts : deadline);
    }
    int exact = 0;
    for (int stream = 0; stream < streams; stream++) {
        int good = 1;
        for (int feed = 0; feed < feeds; feed++) {
            Place *place = &seen[feed * streams + stream];
            good = good && place->got == tokens && !place->wrong;
        }
        exact += good;
    }
    qsort(first_us, begun, sizeof *first_us, by_size);
    printf("{\"exact\":%d,\"failures\":%d,\"tokens\":%llu,\"deltas\":%llu,\"seconds\":%.3f,\"steady_from\":%llu,\"steady_until\":%llu,\"recorded\":%llu,"
           "\"age_p50\":%.1f,\"age_p99\":%.1f,\"age_p999\":%.1f,\"ttft_p50\":%.1f,\"ttft_p95\":%.1f,\"why\":\"",
           exact, failures, (unsigned long long)token_count, (unsigned long long)delta_count, (now_ns() - begin) / 1e9,
           (unsigned long long)steady_from, (unsigned long long)steady_until, (unsigned long long)recorded,
           age_us(.5), age_us(.99), age_us(.999), first_at(.5), first_at(.95));
    for (char *p = sample; *p; p++) putchar(*p == '"' || *p == '\\' || (unsigned char)*p < 32 ? '_' : *p);
    printf("\"}\n");
    return 0;
}
