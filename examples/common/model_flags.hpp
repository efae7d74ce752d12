// SPDX-License-Identifier: MIT
// The flags that say which model a program is about.
#pragma once

#include "any_model.hpp"
#include "place_flags.hpp"
#include "warnings.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace any_model {

inline void add_flags(CLI::App& app, Flags& flags, std::string& tokenizer) {
    app.add_option("--weights", flags.weights,
                   "Hugging Face folder, or a folded or exported model; with --run, what the run started from")
        ->type_name("DIR");
    app.add_option("--run", flags.run, "folder of a run of remove_layernorm: its adapter and its norms")
        ->type_name("DIR");
    app.add_flag("--force-removed", flags.force_removed,
                 "with --run: remove the norms that it has left, at the divisors that they hold");
    app.add_option("--model", flags.model,
                   "what the model is called, such as gpt2-medium, where there is no config.json to tell")
        ->type_name("NAME");
    app.add_flag("--strict", flags.strict, common::strict_text);
    app.add_option("--tokenizer", tokenizer,
                   "folder with tokenizer.json, or vocab.json and merges.txt (default: the weights' folder)")
        ->type_name("DIR");
    common::add_flags(app, flags.place);
}

}  // namespace any_model
