// SPDX-License-Identifier: MIT
#include "cuda_emulation/emulator.hpp"

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

namespace lamina_tests::emulator {

namespace {

constexpr unsigned warp_size = 32;
constexpr std::size_t stack_bytes = 256 * 1024;
constexpr std::size_t lane_bytes = 64;

enum class State { ready, at_block_barrier, at_warp_barrier, finished };

struct Copy {
    void* to;
    const void* from;
    bool valid;
};

struct Thread {
    State state = State::ready;
    unsigned index = 0;
    unsigned exchanges = 0;
    std::vector<Copy> open_copies;
    std::vector<std::vector<Copy>> groups;  // oldest first; empty it owns nothing, so that threads are cheap to make
};

/// A stack on which a kernel's thread runs until it must wait for others.
struct Fibre {
    jmp_buf here;
    bool started = false;
    Thread* thread = nullptr;
    std::unique_ptr<std::byte, void (*)(std::byte*)> stack{nullptr,
                                                           [](std::byte* memory) { munmap(memory, stack_bytes); }};
};

struct Block {
    const Grid* grid = nullptr;
    const std::function<void()>* kernel = nullptr;
    Place index{};
    std::vector<Thread> threads;
    std::vector<Fibre*> fibre_of;  // of each thread, once it has begun
    std::vector<std::array<std::byte, warp_size * lane_bytes>> lanes;
    std::map<const void*, std::vector<std::byte>> shared;
    std::vector<std::byte> dynamic;
};

Order order_now = Order::forward;
std::size_t kernel_count = 0;
std::uint32_t copies_started = 0;

Block* block = nullptr;
Thread* current = nullptr;
Fibre* fibre_now = nullptr;
jmp_buf scheduler;
ucontext_t starting;
std::exception_ptr failure;
std::vector<std::unique_ptr<Fibre>> all_fibres;
std::vector<Fibre*> idle_fibres;

void fibre_main() {
    for (;;) {
        Fibre* const self = fibre_now;
        try {
            (*block->kernel)();
        } catch (...) {
            failure = std::current_exception();
        }
        self->thread->state = State::finished;
        if (_setjmp(self->here) == 0) _longjmp(scheduler, 1);
    }
}

Fibre* idle_fibre() {
    if (idle_fibres.empty()) {
        auto fibre = std::make_unique<Fibre>();
        void* const memory =
            mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        fibre->stack.reset(static_cast<std::byte*>(memory));
        idle_fibres.push_back(fibre.get());
        all_fibres.push_back(std::move(fibre));
    }
    Fibre* const fibre = idle_fibres.back();
    idle_fibres.pop_back();
    return fibre;
}

void enter(Fibre& fibre) {
    fibre_now = &fibre;
    current = fibre.thread;
    if (_setjmp(scheduler) != 0) return;
    if (fibre.started) _longjmp(fibre.here, 1);
    fibre.started = true;
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = fibre.stack.get();
    context.uc_stack.ss_size = stack_bytes;
    context.uc_link = nullptr;
    makecontext(&context, fibre_main, 0);
    swapcontext(&starting, &context);
}

void wait_at(State barrier) {
    current->state = barrier;
    Fibre* const self = fibre_now;
    if (_setjmp(self->here) == 0) _longjmp(scheduler, 1);
}

/// Runs the thread until it waits or ends.
void advance(unsigned index) {
    Fibre*& fibre = block->fibre_of[index];
    if (fibre == nullptr) {
        fibre = idle_fibre();
        fibre->thread = &block->threads[index];
    }
    enter(*fibre);
    if (block->threads[index].state == State::finished) {
        idle_fibres.push_back(fibre);
        fibre = nullptr;
    }
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
}

[[noreturn]] void report_hang(const char* barrier) {
    throw std::logic_error(std::string("emulator: a barrier of the ") + barrier +
                           " is not reached by all of its threads");
}

/// Opens the barrier of the warp whose first thread is `first` if all of it wait there; true if they did.
bool open_warp_barrier(std::size_t first) {
    const std::size_t last = std::min<std::size_t>(block->threads.size(), first + warp_size);
    std::size_t waiting = 0;
    for (std::size_t i = first; i < last; ++i) waiting += block->threads[i].state == State::at_warp_barrier ? 1U : 0U;
    if (waiting == 0) return false;
    if (waiting != last - first) report_hang("warp");
    for (std::size_t i = first; i < last; ++i) block->threads[i].state = State::ready;
    return true;
}

/// Opens the block's barrier, once no thread can go on without; true if there is anyone left to go on.
bool open_block_barrier() {
    std::size_t waiting = 0;
    for (const Thread& thread : block->threads) waiting += thread.state == State::at_block_barrier ? 1U : 0U;
    if (waiting == 0) return false;
    if (waiting != block->threads.size()) report_hang("block");
    for (Thread& thread : block->threads) thread.state = State::ready;
    return true;
}

void land(const Copy& copy) {
    if (copy.valid) {
        std::memcpy(copy.to, copy.from, 16);
    } else {
        std::memset(copy.to, 0, 16);
    }
}

std::vector<unsigned> ordered(unsigned count, std::mt19937& random) {
    std::vector<unsigned> order(count);
    std::iota(order.begin(), order.end(), 0U);
    if (order_now == Order::backward) std::reverse(order.begin(), order.end());
    if (order_now == Order::shuffled) std::shuffle(order.begin(), order.end(), random);
    return order;
}

/// One warp runs as far as it gets without the others, so that what it needs of them and does not wait for is missing.
void run_warp(unsigned warp, std::mt19937& random) {
    const unsigned first = warp * warp_size;
    const unsigned lanes = std::min(warp_size, block->grid->threads - first);
    do {
        for (const unsigned lane : ordered(lanes, random)) {
            if (block->threads[first + lane].state == State::ready) advance(first + lane);
        }
    } while (open_warp_barrier(first));
}

/// All warps run side by side, as far as they get without a barrier of the block.
void run_together(std::mt19937& random) {
    bool opened = true;
    while (opened) {
        for (const unsigned i : ordered(block->grid->threads, random)) {
            if (block->threads[i].state == State::ready) advance(i);
        }
        opened = false;
        for (std::size_t first = 0; first < block->threads.size(); first += warp_size) {
            opened = open_warp_barrier(first) || opened;
        }
    }
}

void run_block(std::mt19937& random) {
    const unsigned count = block->grid->threads;
    block->threads.assign(count, {});
    block->fibre_of.assign(count, nullptr);
    const unsigned warps = (count + warp_size - 1) / warp_size;
    block->lanes.resize(2 * std::size_t{warps});
    block->shared.clear();
    // Not a number wherever it is read before it is written.
    std::fill(block->dynamic.begin(), block->dynamic.end(), std::byte{0xFF});
    for (unsigned i = 0; i < count; ++i) block->threads[i].index = i;
    do {
        if (order_now == Order::shuffled) {
            run_together(random);
        } else {
            for (const unsigned warp : ordered(warps, random)) run_warp(warp, random);
        }
    } while (open_block_barrier());
}

void check_limits(const Grid& grid) {
    const auto require = [](bool met, const char* what) {
        if (!met) throw std::logic_error(std::string("emulator: a launch is beyond the device's limits: ") + what);
    };
    require(grid.threads >= 1 && grid.threads <= 1024, "threads of a block");
    require(grid.blocks.x <= 0x7FFF'FFFFU && grid.blocks.y <= 65535 && grid.blocks.z <= 65535, "blocks of a grid");
    require(grid.shared_bytes <= 99 * 1024, "shared memory of a block");  // the least of sm_80, sm_86 to sm_90
}

}  // namespace

void set_order(Order order) { order_now = order; }
std::size_t kernels_run() { return kernel_count; }

void run(const Grid& grid, const std::function<void()>& kernel) {
    check_limits(grid);
    ++kernel_count;
    Block running;
    running.grid = &grid;
    running.kernel = &kernel;
    running.dynamic.resize(grid.shared_bytes + 128);
    block = &running;
    std::mt19937 random(static_cast<std::uint32_t>(kernel_count));
    try {
        for (const unsigned z : ordered(grid.blocks.z, random)) {
            for (const unsigned y : ordered(grid.blocks.y, random)) {
                for (const unsigned x : ordered(grid.blocks.x, random)) {
                    running.index = {x, y, z};
                    run_block(random);
                }
            }
        }
    } catch (...) {
        // Fibres that still wait inside the kernel are given up with their stacks.
        idle_fibres.clear();
        for (auto& fibre : all_fibres) static_cast<void>(fibre.release());
        all_fibres.clear();
        block = nullptr;
        throw;
    }
    block = nullptr;
}

unsigned thread_index() { return current->index; }
unsigned thread_count() { return block->grid->threads; }
Place block_index() { return block->index; }
Place block_count() { return block->grid->blocks; }
void sync_threads() { wait_at(State::at_block_barrier); }
void sync_warp() { wait_at(State::at_warp_barrier); }

std::byte* shared_memory(const void* key, std::size_t bytes) {
    auto& memory = block->shared[key];
    if (memory.empty()) memory.assign(bytes + 128, std::byte{0xFF});
    return memory.data() + (128 - reinterpret_cast<std::uintptr_t>(memory.data()) % 128) % 128;
}
std::byte* dynamic_shared() {
    std::byte* const start = block->dynamic.data();
    return start + (128 - reinterpret_cast<std::uintptr_t>(start) % 128) % 128;
}

Exchanged exchange(const void* mine, std::size_t bytes) {
    // Two places by turns: whoever writes the one again has passed a barrier since all have read it.
    auto& lanes = block->lanes[2 * (current->index / warp_size) + current->exchanges++ % 2];
    std::memcpy(lanes.data() + (current->index % warp_size) * lane_bytes, mine, bytes);
    sync_warp();
    return {lanes.data()};
}

void copy_later(void* to, const void* from, bool valid) {
    if (reinterpret_cast<std::uintptr_t>(to) % 16 != 0 || (valid && reinterpret_cast<std::uintptr_t>(from) % 16 != 0)) {
        throw std::logic_error("copy_async: address not a multiple of 16");
    }
    // A copy lands at any time from now until it is waited for: the earliest and the latest show the most.
    const bool at_once =
        order_now == Order::backward || (order_now == Order::shuffled && (++copies_started * 2654435761U >> 31U) != 0);
    if (at_once) {
        land({to, from, valid});
    } else {
        current->open_copies.push_back({to, from, valid});
    }
}
void commit_copies() {
    current->groups.push_back(std::move(current->open_copies));
    current->open_copies.clear();
}
void wait_copies(int pending) {
    while (current->groups.size() > static_cast<std::size_t>(pending)) {
        for (const Copy& copy : current->groups.front()) land(copy);
        current->groups.erase(current->groups.begin());
    }
}

}  // namespace lamina_tests::emulator
