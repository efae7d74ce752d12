// SPDX-License-Identifier: MIT
// AnnouncedPass: a pass that layers hear of before it is queued, so that a backend may repeat its work without them.
#pragma once

#include <cstddef>

#include <lamina/nn/run/pass.hpp>
#include <lamina/nn/run/pass_start.hpp>
#include <lamina/nn/run/replay_key.hpp>

namespace lamina::detail {

/// Kept from pass to pass.
class AnnouncedPass {
public:
    /// Lets the layers decide what they do in this pass, and makes the key of its work. `tell(key)` adds what else
    /// decides it: the type of the model, where everything lies, and what the pass is told.
    template <class Layers, class Tell>
    void begin(Layers& layers, Phase phase, bool end_of_text_told, const Tell& tell) {
        key_.clear();
        tell(key_);
        PassStart start{.phase = phase, .key = key_, .end_of_text_told = end_of_text_told};
        begin_pass_of_all(layers, start);
        measured_ = start.measured;
    }

    /// Says that the host is asked before all work is queued.
    void forbid_repeating() { key_.forbid(); }

    /// `work` may not be called: what it does on the host must not matter unless the key forbids to repeat it.
    template <class B, class Work>
    void queue(B& backend, PassPart part, const Work& work) {
        if (key_.repeatable()) {
            backend.replay(key_.words(part), work);
        } else {
            work();
        }
    }

    /// Numbers that layers leave for the host in the pass that has begun.
    [[nodiscard]] std::size_t measured() const { return measured_; }

private:
    ReplayKey key_{};
    std::size_t measured_ = 0;
};

}  // namespace lamina::detail
