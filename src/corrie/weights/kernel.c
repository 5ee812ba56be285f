/* The two loops over every weight, compiled when a C compiler is there: drawing noise, and writing a point.

   corrie_noise is the law of noise.py and corrie_write the sum of perturbed.py, operation for operation. Only
   additions, multiplications, divisions, square roots and conversions that are exact or rounded once occur, in the
   order of the Python text, and nothing may be contracted or reordered: the bits are the same on every machine.
   Before the first use they are compared with what the Python text gives. */

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "this machine computes with excess precision"
#endif

#define BLOCK 512 /* pairs drawn at a time: the working arrays stay in the first-level cache */
#define PIECE (1 << 16) /* numbers that one thread draws before it asks for more */
#define MOST_THREADS 256
#define LANES 16  /* running sums of a point's products, whatever the width of the machine's registers */

#define INLINE static inline __attribute__((always_inline))

typedef struct {
    double log[7], sine[9], cosine[9], ln2, pi, half_root;
} law;

INLINE double as_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

INLINE uint64_t as_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}

/* A whole number of at most 53 bits as a float64, exactly, with operations that vector units have: its high and low
   halves are put into the last bits of 2^84 and 2^52. */
INLINE double exactly(uint64_t whole) {
    double high = as_double((whole >> 32) | 0x4530000000000000u) - 0x1p84;
    double low = as_double((whole & 0xffffffffu) | 0x4330000000000000u) - 0x1p52;
    return high + low;
}

/* Words 4·counter − 4 … 4·counter − 1 of Philox4x64-10, two pairs. */
INLINE void philox(uint64_t key0, uint64_t key1, uint64_t counter, uint64_t *first, uint64_t *second) {
    uint64_t x0 = counter, x1 = 0, x2 = 0, x3 = 0;
    for (int round = 0; round < 10; round++) {
        unsigned __int128 one = (unsigned __int128)x0 * 0xD2E7470EE14C6C93u;
        unsigned __int128 two = (unsigned __int128)x2 * 0xCA5A826395121157u;
        x0 = (uint64_t)(two >> 64) ^ x1 ^ key0;
        x1 = (uint64_t)two;
        x2 = (uint64_t)(one >> 64) ^ x3 ^ key1;
        x3 = (uint64_t)one;
        key0 += 0x9E3779B97F4A7C15u;
        key1 += 0xBB67AE8584CAA73Bu;
    }
    first[0] = x0, second[0] = x1, first[1] = x2, second[1] = x3;
}

INLINE void box_muller(const law *by, const uint64_t *first, const uint64_t *second, float *out, int pairs) {
    for (int p = 0; p < pairs; p++) {
        uint64_t bits = as_bits(exactly((first[p] >> 11) + 1));
        uint64_t k = (bits - as_bits(by->half_root)) >> 52;
        double m = as_double(bits - (k << 52));
        double denominator = m + 1.0;
        m = (m - 1.0) / denominator;
        double square = m * m;
        double log = square * by->log[0];
        for (int i = 1; i < 6; i++) log = (log + by->log[i]) * square;
        log = (log + by->log[6]) * m;
        log += (as_double(k | 0x4330000000000000u) - (0x1p52 + 53.0)) * by->ln2;
        double radius = sqrt(log * -2.0);
        radius = as_double(as_bits(radius) ^ (second[p] << 63));
        double angle = exactly(second[p] >> 11);
        angle = (angle * 0x1p-53 - 0.5) * by->pi;
        square = angle * angle;
        double cosine = square * by->cosine[0], sine = square * by->sine[0];
        for (int i = 1; i < 8; i++) {
            cosine = (cosine + by->cosine[i]) * square;
            sine = (sine + by->sine[i]) * square;
        }
        out[2 * p] = (float)((cosine + by->cosine[8]) * radius);
        out[2 * p + 1] = (float)((sine + by->sine[8]) * angle * radius);
    }
}

INLINE void noise(const law *given, uint64_t key0, uint64_t key1, uint64_t start, uint64_t size, float *out) {
    uint64_t first[BLOCK], second[BLOCK];
    float drawn[2 * BLOCK];
    law by = *given;
    uint64_t end = start + size;
    for (uint64_t block = start / 4 * 4; block < end; block += 2 * BLOCK) {
        uint64_t low = block < start ? start : block;
        uint64_t high = block + 2 * BLOCK < end ? block + 2 * BLOCK : end;
        for (uint64_t q = 0; q < (high - block + 3) / 4; q++)
            philox(key0, key1, block / 4 + q + 1, first + 2 * q, second + 2 * q);
        int pairs = (int)((high - block + 3) / 4 * 2);
        if (low == block && high == block + 2 * BLOCK)
            box_muller(&by, first, second, out + (block - start), BLOCK);
        else {
            box_muller(&by, first, second, drawn, pairs);
            memcpy(out + (low - start), drawn + (low - block), (high - low) * sizeof(float));
        }
    }
}

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef double doubles __attribute__((vector_size(8 * LANES)));

typedef struct {
    doubles asked, norm, dot;
} products;

INLINE floats lanes(const float *from) {
    floats values;
    memcpy(&values, from, sizeof values);
    return values;
}

INLINE floats moved(const uint64_t *places, const float *alphas, int steps, uint64_t start) {
    floats step = lanes((const float *)(uintptr_t)places[3] + start) * alphas[0];
    for (int k = 1; k < steps; k++) step += lanes((const float *)(uintptr_t)places[3 + k] + start) * alphas[k];
    return step;
}

INLINE void add_products(products *sums, floats step, floats taken) {
    doubles wide = __builtin_convertvector(step, doubles), got = __builtin_convertvector(taken, doubles);
    sums->asked += wide * wide;
    sums->norm += got * got;
    sums->dot += got * wide;
}

INLINE void rows(const uint64_t *places, const float *alphas, int steps, products *sums) {
    const float *base = (const float *)(uintptr_t)places[0];
    float *live = (float *)(uintptr_t)places[1];
    products local = *sums;
    for (uint64_t start = 0; start + LANES <= places[2]; start += LANES) {
        floats step = moved(places, alphas, steps, start), before = lanes(base + start), now = before + step;
        memcpy(live + start, &now, sizeof now);
        add_products(&local, step, now - before);
    }
    *sums = local;
}

INLINE void laid(const uint64_t *places, const float *alphas, int steps, double *out) {
    products sums = {{0}, {0}, {0}};
    if (steps == 1)
        rows(places, alphas, 1, &sums);
    else
        rows(places, alphas, steps, &sums);
    uint64_t whole = places[2] / LANES * LANES;
    floats step = {0}, taken = {0};
    for (uint64_t i = whole; i < places[2]; i++) {
        float before = ((const float *)(uintptr_t)places[0])[i], one = 0.0f;
        for (int k = 0; k < steps; k++) {
            float delta = ((const float *)(uintptr_t)places[3 + k])[i] * alphas[k];
            one = k ? one + delta : delta;
        }
        float now = before + one;
        ((float *)(uintptr_t)places[1])[i] = now;
        step[i - whole] = one, taken[i - whole] = now - before;
    }
    add_products(&sums, step, taken);
    out[0] = out[1] = out[2] = 0.0;
    for (int j = 0; j < LANES; j++) out[0] += sums.asked[j], out[1] += sums.norm[j], out[2] += sums.dot[j];
}

/* The same text for wider registers. The processor is asked which of them runs, so the file may move between machines. */
#define NARROW
#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw")))
#define EACH(make) make(narrow, NARROW) make(avx2, AVX2) make(avx512, AVX512)
#else
#define EACH(make) make(narrow, NARROW)
#endif

static int width(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        return 512;
    if (__builtin_cpu_supports("avx2")) return 256;
#endif
    return 0;
}

#if defined(__x86_64__)
#define WIDEST(name) (width() == 512 ? name##_avx512 : width() == 256 ? name##_avx2 : name##_narrow)
#else
#define WIDEST(name) name##_narrow
#endif

/* Jobs that threads take one by one. They are done when run() returns: nothing is left to write behind one's back. */

typedef struct jobs {
    void (*run)(const struct jobs *, uint64_t number);
    uint64_t count, next;
    const law *by;
    uint64_t key0, key1, start, size;
    float *out;
    const uint64_t *places;
    const float *alphas;
    int steps;
    double *sums;
} jobs;

static void *work(void *given) {
    jobs *all = given;
    for (;;) {
        uint64_t number = __atomic_fetch_add(&all->next, 1, __ATOMIC_RELAXED);
        if (number >= all->count) return NULL;
        all->run(all, number);
    }
}

static void run(jobs *all, int threads) {
    pthread_t others[MOST_THREADS];
    int started = 0;
    if ((uint64_t)threads > all->count) threads = (int)all->count;
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    while (started < threads - 1 && !pthread_create(&others[started], NULL, work, all)) started++;
    work(all);
    while (started) pthread_join(others[--started], NULL);
}

#define NOISE(width, attribute)                                                                                  \
    attribute static void noise_##width(const jobs *all, uint64_t number) {                                     \
        uint64_t from = number * PIECE, left = all->size - from;                                                \
        noise(all->by, all->key0, all->key1, all->start + from, left < PIECE ? left : PIECE, all->out + from);  \
    }
EACH(NOISE)

/* Elements start … start + size − 1 of the noise of one key. */
void corrie_noise(const law *by, uint64_t key0, uint64_t key1, uint64_t start, uint64_t size, float *out,
                  int threads) {
    jobs all = {.run = WIDEST(noise), .count = (size + PIECE - 1) / PIECE, .by = by, .key0 = key0, .key1 = key1,
                .start = start, .size = size, .out = out};
    run(&all, threads);
}

#define LAID(width, attribute)                                                                                   \
    attribute static void laid_##width(const jobs *all, uint64_t number) {                                      \
        laid(all->places + number * (3 + all->steps), all->alphas, all->steps, all->sums + 3 * number);         \
    }
EACH(LAID)

/* live = base + Σ α_k δ_k for each of count pieces; a row of places: base, live, size, δ_1, δ_2, …; a row of sums:
   ‖step‖², ‖live − base‖² and their scalar product, in float64. */
void corrie_write(const uint64_t *places, uint64_t count, const float *alphas, int steps, double *sums, int threads) {
    jobs all = {.run = WIDEST(laid), .count = count, .places = places, .alphas = alphas, .steps = steps, .sums = sums};
    run(&all, threads);
}
