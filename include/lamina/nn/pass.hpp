// SPDX-License-Identifier: MIT
// Pass: what every layer needs to know about one run over one batch, and the scratch memory it may borrow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <lamina/arch/manifest.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/matrix_view.hpp>
#include <lamina/core/token.hpp>
#include <lamina/core/tokens.hpp>

namespace lamina {

/// Why a forward pass runs. Layers that keep statistics update them in `train` only.
enum class Phase : std::uint8_t {
    train,
    evaluate,
    infer,     ///< forward over packed segments (key_value_cache.hpp): as evaluate, and no statistics move
    recompute  ///< a block is run again for its backward: same inputs, same outputs, no side effects
};

/// A stack of temporary buffers over memory that the model reserved.
class ScratchStack {
public:
    constexpr ScratchStack() = default;
    explicit ScratchStack(std::span<std::byte> memory) : memory_(memory) {}

    /// Borrowed buffers; they return to the stack when the frame ends.
    class Frame {
    public:
        explicit Frame(ScratchStack& stack) : stack_(stack), start_(stack.used_) {}
        ~Frame() { stack_.used_ = start_; }
        Frame(const Frame&) = delete;
        Frame& operator=(const Frame&) = delete;

        /// [count, Width] scalars with arbitrary content. Throws Error when a layer borrows more than its
        /// `scratch_bytes` told.
        template <class T, std::size_t Width>
        [[nodiscard]] Tokens<T, Width> take(std::size_t count) {
            const std::size_t bytes = aligned_size(count * Width * sizeof(T));
            if (stack_.used_ + bytes > stack_.memory_.size()) {
                throw Error("lamina: scratch: a layer borrows more memory than its scratch_bytes() announces");
            }
            T* const data = reinterpret_cast<T*>(stack_.memory_.data() + stack_.used_);
            stack_.used_ += bytes;
            return {data, count};
        }

    private:
        ScratchStack& stack_;
        std::size_t start_;
    };

private:
    std::span<std::byte> memory_;
    std::size_t used_ = 0;
};

/// Bytes that `ScratchStack::Frame::take<T, Width>(tokens)` uses.
template <class T, std::size_t Width>
[[nodiscard]] constexpr std::size_t scratch_bytes_for(std::size_t tokens) {
    return aligned_size(tokens * Width * sizeof(T));
}

/// A `PackedAttention` of any scalar. Each layer of a model casts it to its own, since all have the same.
class AnyPackedAttention {
protected:
    ~AnyPackedAttention() = default;
};

/// Attention in a pass over packed segments (key_value_cache.hpp): a layer through which tokens see each other calls it
/// where it is there, instead of an operation over `Pass::extent`, and announces the width of its keys, which is that
/// of its values, as `static constexpr std::size_t cached_width`. Behind it is a function of the cache, so that models
/// that are never asked for cached passes are not compiled for them.
template <class Scalar>
class PackedAttention : public AnyPackedAttention {
public:
    /// out = causal attention of the segments, their prefixes included; stores the keys and values that are to be kept.
    /// A layer calls it once per pass.
    ///
    /// shapes   qkv [N, 3C] (queries | keys | values), out [N, C]
    virtual void attend(std::size_t heads, MatrixView<const Scalar> qkv, MatrixView<Scalar> out) = 0;

protected:
    ~PackedAttention() = default;
};

/// One forward or backward run of a model or a layer.
template <class B>
struct Pass {
    B& backend;
    Extent extent;
    const Token* ids = nullptr;  ///< [B·T], on the device; null for layers that are run without a model
    Phase phase = Phase::train;
    Token end_of_text = -1;  ///< the id that norms may treat apart; -1 for none
    ScratchStack scratch{};
    const std::size_t* positions = nullptr;  ///< [B·T], on the device: places in the sequences; null: n mod T
    AnyPackedAttention* packed = nullptr;    ///< set in Phase::infer only
    /// Room on the device for what layers measure and the host reads when all work is queued (pass_start.hpp); null:
    /// nobody will, and a layer that needs a number reads it itself, at once.
    double* measured = nullptr;
};

}  // namespace lamina
