// SPDX-License-Identifier: MIT
// Pass: what every layer needs to know about one run over one batch, and the scratch memory it may borrow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <lamina/arch/manifest.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>
#include <lamina/core/tokens.hpp>

namespace lamina {

/// Why a forward pass runs. Layers that keep statistics update them in `train` only.
enum class Phase : std::uint8_t {
    train,
    evaluate,
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

/// One forward or backward run of a model or a layer.
template <class B>
struct Pass {
    B& backend;
    Extent extent;
    const Token* ids = nullptr;  ///< [B·T], on the device; null for layers that are run without a model
    Phase phase = Phase::train;
    Token end_of_text = -1;  ///< the id that norms may treat apart; -1 for none
    ScratchStack scratch{};
};

}  // namespace lamina
