/* The far end of the benchmark: an upstream that streams chat completions and costs next to nothing itself.
 *
 *   upstream PORT                                 one thread, one epoll, on 127.0.0.1 only
 *
 * POST .../chat/completions    text/event-stream, chunked, one chat.completion.chunk a token, then finish_reason,
 *                              usage and [DONE]. Each token's content holds "@T<ns>.<stream>.<seq>;": the time of its
 *                              write on the monotonic clock, the stream's number (the body's model is bench/<stream>)
 *                              and its place. Whoever finds the mark at the far end of a relay knows the token's age,
 *                              however it was framed on the way.
 * GET /ctl?rate=50&n=600&clump=1   for streams that start from now on: tokens a second, tokens, tokens a write.
 *                              rate=0: as fast as the socket takes them
 * GET /stats                   {"active", "started", "finished", "aborted", "tokens"}; aborted: the peer left early
 * GET anything else            a models list
 *
 * Knows no TLS, no keys, no errors: the stand-in (rill/standin/) is for those. Called by load.py.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

#define MAX_FDS 20000
#define OUT_BYTES 65536
#define FLOOD_WRITES 16     /* writes of one stream in a row when there is no rate */

enum state { FREE, READING, STREAMING };

typedef struct {
    enum state state;
    int heap_at, wants_out;
    char *in; int in_len, in_cap;
    char *out; int out_len, out_off;
    uint64_t next, interval;            /* ns */
    int stream, seq, tokens, clump, floods;
} Conn;

static Conn *conns;                     /* by descriptor */
static int epoll_fd, listen_fd;
static struct { double rate; int tokens, clump; } config = {50, 600, 1};
static struct { int active; uint64_t started, finished, aborted, tokens; } stats;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* ---- a heap of descriptors by the time of their next token */

static int *heap, heap_len;

static void heap_put(int at, int fd) { heap[at] = fd; conns[fd].heap_at = at; }

static void heap_up(int at) {
    int fd = heap[at];
    while (at && conns[heap[(at - 1) / 2]].next > conns[fd].next) { heap_put(at, heap[(at - 1) / 2]); at = (at - 1) / 2; }
    heap_put(at, fd);
}

static void heap_down(int at) {
    int fd = heap[at];
    for (;;) {
        int child = 2 * at + 1;
        if (child >= heap_len) break;
        if (child + 1 < heap_len && conns[heap[child + 1]].next < conns[heap[child]].next) child++;
        if (conns[fd].next <= conns[heap[child]].next) break;
        heap_put(at, heap[child]);
        at = child;
    }
    heap_put(at, fd);
}

static void heap_add(int fd) {
    if (conns[fd].heap_at >= 0) return;
    heap_put(heap_len++, fd);
    heap_up(heap_len - 1);
}

static void heap_remove(int fd) {
    int at = conns[fd].heap_at;
    if (at < 0) return;
    conns[fd].heap_at = -1;
    if (at == --heap_len) return;
    int moved = heap[heap_len];
    heap_put(at, moved);
    heap_up(at);
    heap_down(conns[moved].heap_at);
}

/* ---- bytes out */

static void watch(int fd, int out) {
    if (conns[fd].wants_out == out) return;
    conns[fd].wants_out = out;
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (out ? EPOLLOUT : 0), .data.fd = fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event);
}

static void drop(int fd) {
    Conn *c = &conns[fd];
    if (c->state == STREAMING) { stats.active--; stats.aborted++; }
    heap_remove(fd);
    free(c->in);
    free(c->out);
    memset(c, 0, sizeof *c);
    c->heap_at = -1;
    close(fd);
}

/* 1: all sent, 0: the socket is full, -1: gone */
static int flush_out(int fd) {
    Conn *c = &conns[fd];
    while (c->out_off < c->out_len) {
        ssize_t k = send(fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k < 0 && errno == EAGAIN) { watch(fd, 1); return 0; }
        if (k < 0) { drop(fd); return -1; }
        c->out_off += k;
    }
    c->out_off = c->out_len = 0;
    watch(fd, 0);
    return 1;
}

static void put(Conn *c, const char *bytes, int len) {
    if (c->out_len + len > OUT_BYTES) return;
    memcpy(c->out + c->out_len, bytes, len);
    c->out_len += len;
}

#define HEAD "data: {\"id\":\"chatcmpl-%08x\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"bench/%04d\","

static void put_chunk(Conn *c, const char *frame, int len) {
    char size[16];
    put(c, size, sprintf(size, "%x\r\n", len));
    put(c, frame, len);
    put(c, "\r\n", 2);
}

static void put_tokens(Conn *c) {
    static const char *words[] = {"the ", "stream ", "of ", "small ", "tokens ", "goes\\n", "on ", "and ", "\\\"on\\\" ", "until "};
    char frame[512];
    for (int i = 0; i < c->clump && c->seq < c->tokens; i++, c->seq++, stats.tokens++)
        put_chunk(c, frame, sprintf(frame, HEAD "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"@T%llu.%d.%d;%s\"},\"finish_reason\":null}]}\n\n",
                                    c->stream, c->stream, (unsigned long long)now_ns(), c->stream, c->seq, words[c->seq % 10]));
    if (c->seq < c->tokens) return;
    put_chunk(c, frame, sprintf(frame, HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n", c->stream, c->stream));
    put_chunk(c, frame, sprintf(frame, HEAD "\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n", c->stream, c->stream, c->tokens, c->tokens + 12));
    put_chunk(c, "data: [DONE]\n\n", 14);
    put(c, "0\r\n\r\n", 5);
}

static void end_stream(int fd) {        /* the connection stays for the next request */
    stats.active--;
    stats.finished++;
    conns[fd].state = READING;
    heap_remove(fd);
}

static void due(int fd) {
    Conn *c = &conns[fd];
    for (int writes = c->floods ? FLOOD_WRITES : 1; writes > 0; writes--) {
        put_tokens(c);
        int sent = flush_out(fd);
        if (sent < 0) return;
        if (sent == 0) { heap_remove(fd); return; }     /* EPOLLOUT goes on */
        if (c->seq >= c->tokens) { end_stream(fd); return; }
    }
    c->next = c->floods ? now_ns() : c->next + c->interval;
    heap_down(c->heap_at);
}

static void unblocked(int fd) {
    Conn *c = &conns[fd];
    if (flush_out(fd) != 1 || c->state != STREAMING) return;
    if (c->seq >= c->tokens) { end_stream(fd); return; }
    uint64_t now = now_ns();
    if (c->next < now) c->next = now;
    heap_add(fd);
}

/* ---- requests */

static void reply(int fd, const char *json) {
    char head[1024];
    put(&conns[fd], head, snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(json), json));
    flush_out(fd);
}

static double query(const char *line, const char *name, double otherwise) {
    const char *found = strstr(line, name);
    return found ? atof(found + strlen(name)) : otherwise;
}

static void start_stream(int fd, const char *body) {
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
    Conn *c = &conns[fd];
    const char *named = strstr(body, "bench/");
    c->state = STREAMING;
    c->stream = named ? atoi(named + 6) : -1;
    c->seq = 0;
    c->tokens = config.tokens;
    c->clump = config.clump;
    c->floods = config.rate <= 0;
    c->interval = c->floods ? 0 : 1e9 / config.rate * config.clump;
    c->next = now_ns();
    stats.active++;
    stats.started++;
    put(c, head, sizeof head - 1);
    if (flush_out(fd) >= 0) heap_add(fd);
}

static void answer(int fd, const char *head, const char *body) {
    char json[300];
    if (!strncmp(head, "GET /ctl", 8)) {
        config.rate = query(head, "rate=", config.rate);
        config.tokens = query(head, "n=", config.tokens);
        config.clump = query(head, "clump=", config.clump);
        reply(fd, "{}");
    } else if (!strncmp(head, "GET /stats", 10)) {
        snprintf(json, sizeof json, "{\"active\":%d,\"started\":%llu,\"finished\":%llu,\"aborted\":%llu,\"tokens\":%llu}", stats.active,
                 (unsigned long long)stats.started, (unsigned long long)stats.finished, (unsigned long long)stats.aborted, (unsigned long long)stats.tokens);
        reply(fd, json);
    } else if (!strncmp(head, "GET", 3)) {
        reply(fd, "{\"object\":\"list\",\"data\":[{\"id\":\"bench/0000\",\"object\":\"model\"}]}");
    } else {
        start_stream(fd, body);
    }
}

static void on_read(int fd) {
    Conn *c = &conns[fd];
    if (c->in_cap - c->in_len < 16384) c->in = realloc(c->in, c->in_cap = c->in_cap * 2 + 32768);
    ssize_t k = recv(fd, c->in + c->in_len, c->in_cap - c->in_len - 1, MSG_DONTWAIT);
    if (k < 0 && errno == EAGAIN) return;
    if (k <= 0) { drop(fd); return; }
    c->in_len += k;
    c->in[c->in_len] = 0;
    char *blank = c->state == READING ? strstr(c->in, "\r\n\r\n") : NULL;
    if (!blank) return;
    char *length = strcasestr(c->in, "\r\ncontent-length:");
    int total = blank + 4 - c->in + (length && length < blank ? atoi(length + 17) : 0);
    if (c->in_len < total) return;
    *blank = 0;
    c->in_len = 0;                      /* nobody here asks before the answer */
    answer(fd, c->in, blank + 4);
}

static void on_accept(void) {
    int fd, yes = 1;
    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MAX_FDS) { close(fd); continue; }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        conns[fd] = (Conn){.state = READING, .heap_at = -1, .out = malloc(OUT_BYTES)};
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) { fprintf(stderr, "usage: upstream PORT\n"); return 2; }
    signal(SIGPIPE, SIG_IGN);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){MAX_FDS, MAX_FDS});
    conns = calloc(MAX_FDS, sizeof *conns);
    heap = calloc(MAX_FDS, sizeof *heap);
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int yes = 1;
    setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listen_fd, (void *)&here, sizeof here) || listen(listen_fd, 4096)) { perror("upstream"); return 1; }
    epoll_fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listen_fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
    static struct epoll_event events[1024];
    for (;;) {
        uint64_t now = now_ns();
        for (int left = heap_len; heap_len && left > 0 && conns[heap[0]].next <= now; left--) due(heap[0]);
        struct timespec wait = {3600, 0};
        if (heap_len) {
            uint64_t at = conns[heap[0]].next, ns = (now = now_ns()) < at ? at - now : 0;
            wait = (struct timespec){ns / 1000000000ull, ns % 1000000000ull};
        }
        int count = epoll_pwait2(epoll_fd, events, 1024, &wait, NULL);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listen_fd) { on_accept(); continue; }
            if (events[i].events & ~EPOLLOUT && conns[fd].state != FREE) on_read(fd);
            if (events[i].events & EPOLLOUT && conns[fd].state != FREE) unblocked(fd);
        }
    }
}
