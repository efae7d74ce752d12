// SPDX-License-Identifier: MIT
// A backend that computes nothing: it adds up how long a GPU should take for what it is asked, by rates that are assumed.
#pragma once

#include <lamina/arch/policy.hpp>
#include <lamina/backend/backend_of.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/core/rows.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace roofline {

/// What the time of a step goes to.
enum class Kind : std::uint8_t { blocks, head, attention, attention_backward, loss, rows, float_products, adamw };
inline constexpr std::array kind_names{
    "products of blocks",        "products of the head", "attention",         "attention backward", "loss",
    "norms, gelu, sums, copies", "products of floats",   "AdamW and the norm"};

/// What attention's kernels do for 64 queries and 64 keys, in instructions of a warp (tests/structure/sass.txt).
struct TileCost {
    double issued;
    double products;  ///< of them, of 16 × 8 × 16
    double loads;     ///< of them, of four 8 × 8 matrices from shared memory

    friend constexpr TileCost operator+(const TileCost& a, const TileCost& b) {
        return {a.issued + b.issued, a.products + b.products, a.loads + b.loads};
    }
};
inline constexpr TileCost tile_forward{1286, 256, 64};
inline constexpr TileCost tile_of_keys{1534, 512, 128};    // for dK and dV
inline constexpr TileCost tile_of_queries{1164, 384, 96};  // for dQ

/// What is assumed of the GPU, an H200 SXM, and of how much of it is reached.
struct Assumptions {
    double product_flops;          ///< per second, of bf16 products
    double bytes = 3.8e12;         ///< per second, read and written together
    double launch = 1.5e-6;        ///< seconds from the end of one kernel to the beginning of the next
    double float_parts = 6;        ///< bf16 products that stand for one of floats
    double multiprocessors = 132;  ///< each issues 4 instructions in a cycle, and loads 128 bytes from shared memory
    double clock = 1.7e9;          ///< cycles per second under load
    double product_cycles = 1.6;   ///< of a multiprocessor for one product of 16 × 8 × 16: 62 % of the dense rate
    double reached = 0.45;         ///< of the rate that a tile's counts allow: some 240 TFLOP/s forward, 170 backward

    /// Of one multiprocessor: what takes longest hides the rest.
    [[nodiscard]] double seconds(const TileCost& tile) const {
        return std::max({tile.issued / 4, tile.products * product_cycles, tile.loads * 4}) / clock / reached;
    }
};

struct Work {
    double seconds = 0;
    double flops = 0;
    double bytes = 0;
    std::size_t requests = 0;
};
using Table = std::array<Work, kind_names.size()>;

/// Addresses without memory behind them.
class Nowhere {
public:
    Nowhere() = default;
    explicit Nowhere(std::size_t bytes) : size_(bytes) {
        void* const place = mmap(nullptr, length(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (place == MAP_FAILED) throw std::bad_alloc();
        data_ = static_cast<std::byte*>(place);
    }
    Nowhere(Nowhere&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Nowhere& operator=(Nowhere&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Nowhere() {
        if (data_ != nullptr) munmap(data_, length());
    }
    [[nodiscard]] std::byte* data() const { return data_; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    [[nodiscard]] std::size_t length() const { return std::max<std::size_t>(size_, 1); }

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Takes what a model of this vocabulary asks of it.
class EstimatingBackend {
public:
    using Memory = Nowhere;
    static constexpr std::size_t row_multiple = 128;
    static constexpr std::size_t vocabulary_multiple = 128;
    static constexpr std::size_t logits_rows(std::size_t) { return 8192; }

    EstimatingBackend(const Assumptions& assumed, std::size_t vocab) : assumed_(assumed), vocab_(vocab) {}

    [[nodiscard]] Memory allocate(std::size_t bytes) { return Memory(bytes); }
    [[nodiscard]] Memory allocate_host(std::size_t bytes) { return Memory(bytes); }
    void upload(void*, const void*, std::size_t) {}
    void download(void* to, const void*, std::size_t bytes) { std::memset(to, 0, bytes); }
    template <class F>
    void replay(std::span<const std::uint64_t>, const F& enqueue) {
        enqueue();
    }
    template <class Request>
    lamina::ResultOf<Request> run(const Request& request) {
        add(request.erased());
        if constexpr (!std::is_void_v<lamina::ResultOf<Request>>) return {};
    }

    /// Since the last call.
    [[nodiscard]] Table take() { return std::exchange(work_, {}); }

private:
    template <class Out, class Lhs, class Rhs>
    void add(const lamina::Matmul<Out, Lhs, Rhs>& request) {
        add_product<Lhs, Rhs>(request);
    }
    template <class Out, class Lhs, class Rhs, class Bias, class Base>
    void add(const lamina::AffineProduct<Out, Lhs, Rhs, Bias, Base>& request) {
        add_product<Lhs, Rhs>(request);
    }
    template <class Out, class Lhs, class Rhs>
    void add(const lamina::GeluBackwardProduct<Out, Lhs, Rhs>& request) {
        add_product<Lhs, Rhs>(request);
    }
    template <class T>
    void add(const lamina::Attention<T>& request) {
        add_attention(Kind::attention, request, tile_forward);
    }
    template <class T>
    void add(const lamina::AttentionBackward<T>& request) {
        add_attention(Kind::attention_backward, request, tile_of_keys + tile_of_queries);
    }
    template <class Compute, class Out>
    void add(const lamina::SoftmaxCrossEntropy<Compute, Out>& request) {
        add(Kind::loss, request, 0);
    }
    template <class T, class Gradient, class Moment>
    void add(const lamina::AdamWUpdate<T, Gradient, Moment>& request) {
        add(Kind::adamw, request, 0);
    }
    template <class T>
    void add(const lamina::SumOfSquares<T>& request) {
        add(Kind::adamw, request, 0);
    }
    template <class Request>
    void add(const Request& request) {
        add(Kind::rows, request, 0);
    }

    template <class Lhs, class Rhs, class Request>
    void add_product(const Request& request) {
        if constexpr (std::is_same_v<Lhs, float> && std::is_same_v<Rhs, float>) {
            add(Kind::float_products, request, assumed_.float_parts * request.flops() / assumed_.product_flops,
                assumed_.float_parts);
        } else {
            const bool head = std::max(request.lhs.cols, request.out.cols) >= vocab_;
            add(head ? Kind::head : Kind::blocks, request, request.flops() / assumed_.product_flops);
        }
    }

    /// Tiles above the diagonal are left out, those on it are whole.
    template <class Request>
    void add_attention(Kind kind, const Request& request, const TileCost& tile) {
        const auto blocks = static_cast<double>((request.extent.sequence + 63) / 64);
        const double tiles = static_cast<double>(request.extent.batch * request.heads) * blocks * (blocks + 1) / 2;
        add(kind, request, tiles * assumed_.seconds(tile) / assumed_.multiprocessors);
    }

    /// Takes as long as its arithmetic or its bytes, whichever is longer.
    template <class Request>
    void add(Kind kind, const Request& request, double arithmetic, double passes = 1) {
        Work& work = work_[static_cast<std::size_t>(kind)];
        work.seconds += assumed_.launch + std::max(arithmetic, passes * request.bytes() / assumed_.bytes);
        work.flops += request.flops();
        work.bytes += request.bytes();
        ++work.requests;
    }

    Assumptions assumed_;
    std::size_t vocab_;
    Table work_{};
};

/// The device policy that stands for it.
struct Estimated {
    using answers = lamina::question::Device;
};

}  // namespace roofline

template <>
struct lamina::BackendOf<roofline::Estimated> {
    using type = roofline::EstimatingBackend;
};
