// SPDX-License-Identifier: MIT
// What the names of tensors in a file mean to a GPT-2: the wrappers they were saved in, masks, and other heads.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace lamina::io::detail {

inline constexpr std::string_view gpt2_prefix = "transformer.";
inline constexpr std::string_view head_weight_name = "lm_head.weight";
inline constexpr std::string_view token_table_name = "wte.weight";

/// What stands before every name where a model was a member of something else when it was saved: transformers' classes
/// (transformer, gpt2), torch.compile, DataParallel and DDP, FSDP, DeepSpeed, and people's own modules.
inline constexpr std::array<std::string_view, 9> wrapper_prefixes{
    gpt2_prefix,   "_orig_mod.",        "module.", "_fsdp_wrapped_module.", "_forward_module.", "model.",
    "base_model.", "pretrained_model.", "gpt2."};

/// A stored name in its two parts: "_orig_mod.transformer." and "h.0.ln_1.bias".
struct SplitName {
    std::string_view prefix;
    std::string_view bare;
};

[[nodiscard]] constexpr SplitName split_name(std::string_view stored) {
    std::string_view bare = stored;
    for (bool found = true; found;) {
        found = false;
        for (const std::string_view wrapper : wrapper_prefixes) {
            if (!bare.starts_with(wrapper)) continue;
            bare.remove_prefix(wrapper.size());
            found = true;
        }
    }
    return {stored.substr(0, stored.size() - bare.size()), bare};
}

/// The causal mask and its constant, which old files hold beside the parameters: "h.N.attn.bias",
/// "h.N.attn.masked_bias".
[[nodiscard]] constexpr bool is_mask_buffer(std::string_view name) {
    if (!name.starts_with("h.")) return false;
    name.remove_prefix(2);
    const std::size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
    if (digits == 0) return false;
    name.remove_prefix(digits);
    return name == ".attn.bias" || name == ".attn.masked_bias";
}

/// Whether a tensor stands where a GPT-2 computes its logits: one that a model does not know there changes them, while
/// any other belongs to a head of another purpose, such as "score.weight" and "v_head.summary.bias".
[[nodiscard]] constexpr bool is_on_way_to_logits(const SplitName& name) {
    for (const std::string_view part : {"wte.", "wpe.", "h.", "ln_f.", "lm_head."}) {
        if (name.bare.starts_with(part)) return true;
    }
    return name.prefix.ends_with(gpt2_prefix);
}

}  // namespace lamina::io::detail
