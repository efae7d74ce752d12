// SPDX-License-Identifier: MIT
// The lines for a shell that turn weights which lamina does not read into safetensors.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

namespace lamina::io::detail {

/// `text` as one word of a POSIX shell: as it is where that is safe, else between single quotes.
[[nodiscard]] inline std::string shell_word(std::string_view text) {
    constexpr std::string_view safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+,:@%=";
    if (!text.empty() && text.find_first_not_of(safe) == text.npos) return std::string(text);
    std::string quoted = "'";
    for (const char character : text) {
        if (character == '\'') {
            quoted += R"('\'')";
        } else {
            quoted += character;
        }
    }
    return quoted + "'";
}

/// Loads whatever of a folder transformers can, with `options` such as ", from_tf=True", and saves it as safetensors.
[[nodiscard]] inline std::string transformers_conversion_line(const std::filesystem::path& folder,
                                                              const std::string& options = "") {
    return "python3 -c \"import sys; from transformers import AutoModelForCausalLM as M; d = sys.argv[1]; "
           "M.from_pretrained(d" +
           options + ").save_pretrained(d, safe_serialization=True)\" " + shell_word(folder.string());
}

/// Copies the tensors of a pickle, which torch reads without running what else is in it, to a safetensors file beside.
[[nodiscard]] inline std::string torch_conversion_line(const std::filesystem::path& file) {
    std::filesystem::path converted = file;
    converted.replace_extension(".safetensors");
    if (converted == file) converted.replace_extension(".converted.safetensors");
    return "python3 -c \"import sys, torch; from safetensors.torch import save_file; "
           "save_file({k: v.clone().contiguous() for k, v in torch.load(sys.argv[1], 'cpu', "
           "weights_only=True).items()}, "
           "sys.argv[2], {'format': 'pt'})\" " +
           shell_word(file.string()) + " " + shell_word(converted.string());
}

/// Merges an adapter into its base, for what an adapter alone does not say.
[[nodiscard]] inline std::string peft_merge_line(const std::filesystem::path& folder) {
    return "python3 -c \"import sys; from peft import AutoPeftModelForCausalLM as M; "
           "M.from_pretrained(sys.argv[1]).merge_and_unload().save_pretrained(sys.argv[2])\" " +
           shell_word(folder.string()) + " MERGED";
}

}  // namespace lamina::io::detail
