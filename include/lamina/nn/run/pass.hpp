// SPDX-License-Identifier: MIT
// Pass: what every layer needs to know about one run over one batch, and the scratch memory it may borrow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>

#include <lamina/arch/manifest.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/scalar_type.hpp>
#include <lamina/core/token.hpp>

namespace lamina {

namespace detail {

/// Stands for a backend where only signatures are looked at.
struct SomeBackend {};

}  // namespace detail

/// Why a forward pass runs. Layers that keep statistics update them in `train` only.
enum class Phase : std::uint8_t {
    train,
    evaluate,
    infer,     ///< forward over packed segments (key_value_cache.hpp): as evaluate, and no statistics move
    recompute  ///< a block is run again for its backward: same inputs, same outputs, no side effects
};

/// A stack of temporary buffers: over memory that the model reserved, or, on paper, over none, to count what is
/// borrowed.
class ScratchStack {
public:
    constexpr ScratchStack() = default;
    constexpr explicit ScratchStack(std::span<std::byte> memory) : memory_(memory) {}
    /// Hands out views of nothing, as many as are asked for (run/paper.hpp).
    [[nodiscard]] static constexpr ScratchStack on_paper() {
        ScratchStack stack;
        stack.on_paper_ = true;
        return stack;
    }

    [[nodiscard]] constexpr bool hands_out_nothing() const { return on_paper_; }
    /// The most bytes that were borrowed at the same time.
    [[nodiscard]] constexpr std::size_t peak() const { return peak_; }

    /// Borrowed buffers; they return to the stack when the frame ends.
    class Frame {
    public:
        constexpr explicit Frame(ScratchStack& stack) : stack_(stack), start_(stack.used_) {}
        constexpr ~Frame() { stack_.used_ = start_; }
        Frame(const Frame&) = delete;
        Frame& operator=(const Frame&) = delete;

        /// [count, Width] scalars with arbitrary content. Throws Error when a layer borrows more than it did on paper.
        template <class T, std::size_t Width>
        [[nodiscard]] constexpr Rows<T, Width> take(std::size_t count) {
            std::byte* const place = stack_.advance(aligned_size(count * Width * sizeof(T)));
            if (stack_.on_paper_) return {&nowhere<T>, count};
            return {reinterpret_cast<T*>(place), count};
        }

    private:
        ScratchStack& stack_;
        std::size_t start_;
    };

private:
    constexpr std::byte* advance(std::size_t bytes) {
        const std::size_t start = used_;
        used_ += bytes;
        if (used_ > peak_) peak_ = used_;
        if (on_paper_) return nullptr;
        if (used_ > memory_.size()) {
            used_ = start;
            throw Error("lamina: scratch: a layer borrows more memory than it did when it was planned");
        }
        return memory_.data() + start;
    }

    std::span<std::byte> memory_{};
    std::size_t used_ = 0;
    std::size_t peak_ = 0;
    bool on_paper_ = false;
};

/// Attention in a pass over packed segments (key_value_cache.hpp), for layers that compute in `Scalar`. Behind it is a
/// function of the cache, so that models that are never asked for cached passes are not compiled for them.
template <class Scalar>
class PackedAttention {
public:
    /// As PackedAttentions::attend.
    virtual void attend(std::size_t heads, MatrixView<const Scalar> qkv, MatrixView<Scalar> out) = 0;

protected:
    PackedAttention() = default;
    PackedAttention(const PackedAttention&) = default;
    PackedAttention& operator=(const PackedAttention&) = default;
    ~PackedAttention() = default;
};

/// The PackedAttention of each scalar in which layers of the model keep keys and values. A layer through which tokens
/// see each other calls `attend` where it is there, instead of an operation over `Pass::extent`, and announces the
/// width of its keys, which is that of its values, as `static constexpr std::size_t cached_width`. They are kept in the
/// layer's own `Scalar`, whatever that of the model is.
class PackedAttentions {
public:
    template <class Scalar>
    void add(PackedAttention<Scalar>& one) {
        std::get<PackedAttention<Scalar>*>(each_) = &one;
    }

    /// out = causal attention of the segments, their prefixes included; stores the keys and values that are to be kept.
    /// A layer calls it once per pass.
    ///
    /// shapes   qkv [N, 3C] (queries | keys | values), out [N, C]
    /// errors   Error when no layer of the model announces keys and values in this scalar
    template <FloatingScalar Scalar>
    void attend(std::size_t heads, MatrixView<const Scalar> qkv, MatrixView<Scalar> out) const {
        PackedAttention<Scalar>* const one = std::get<PackedAttention<Scalar>*>(each_);
        if (one == nullptr) {
            throw Error(
                "lamina: cached pass: a layer asks for keys and values in a scalar that none announces; a layer with a "
                "cached_width must call attend of Pass::packed with its own Scalar");
        }
        one->attend(heads, qkv, out);
    }

private:
    std::tuple<PackedAttention<double>*, PackedAttention<float>*, PackedAttention<bf16>*> each_{};
};

/// One forward or backward run of a model or a layer.
template <class B>
struct Pass {
    B& backend;
    Extent extent;
    Rows<const Token, 1> ids{};  ///< [B·T], on the device; empty for layers that are run without a model
    Phase phase = Phase::train;
    Token end_of_text = -1;  ///< the id that norms may treat apart; -1 for none
    ScratchStack scratch{};
    Rows<const std::size_t, 1> positions{};    ///< [B·T], on the device: places in the sequences; empty: n mod T
    const PackedAttentions* packed = nullptr;  ///< set in Phase::infer only
    std::size_t block = 0;                     ///< place of the block that is at work, from the first
    /// Room on the device for what layers measure and the host reads when all work is queued (pass_start.hpp); empty:
    /// nobody will, and a layer that needs a number reads it itself, at once.
    Rows<double, 1> measured{};

    /// Whether the pass only counts what a real one would do (run/paper.hpp).
    [[nodiscard]] constexpr bool on_paper() const { return scratch.hands_out_nothing(); }

    /// Has the backend carry out a request (backend/contract.hpp).
    template <class Request>
    constexpr decltype(auto) run(const Request& request) {
        return backend.run(request);
    }
};

}  // namespace lamina
