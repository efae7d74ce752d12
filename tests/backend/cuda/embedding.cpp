// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/embedding.hpp>

#include <cstddef>
#include <vector>

#include "backend/conformance/grid.hpp"
#include "backend/cuda/kernels_under_test.hpp"
#include "support/catch.hpp"

using namespace lamina_tests;
using namespace lamina_tests::conformance;

namespace {

/// table[rows[n]] += d_out[n] in float, in the order of n.
Grid added_in_order(const Grid& table, const std::vector<std::size_t>& rows, const Grid& d_out) {
    Grid sums = table;
    for (std::size_t n = 0; n < rows.size(); ++n) {
        for (std::size_t c = 0; c < table.cols; ++c) {
            double& sum = sums(rows[n], c);
            sum = static_cast<double>(static_cast<float>(sum) + static_cast<float>(d_out(n, c)));
        }
    }
    return sums;
}

}  // namespace

TEST_CASE("embed_backward adds in the order of the tokens, to the bit", "[cuda][embedding]") {
    constexpr std::size_t vocabulary = 97;
    for (const Extent extent : {Extent{0, 5}, Extent{1, 1}, Extent{7, 33}}) {
        for (const std::size_t width : {1U, 300U}) {
            CAPTURE(extent.batch, extent.sequence, width);
            std::vector<Token> ids(extent.tokens());
            std::vector<std::size_t> token_rows(ids.size());
            std::vector<std::size_t> position_rows(ids.size());
            for (std::size_t n = 0; n < ids.size(); ++n) {
                token_rows[n] = n % 3 == 0 ? 96 : (n * n) % vocabulary;  // one id has a third of the tokens
                ids[n] = static_cast<Token>(token_rows[n]);
                position_rows[n] = n % extent.sequence;
            }
            const Grid d_out = random_grid<float>(ids.size(), width, 95);
            const Grid tokens = random_grid<float>(vocabulary, width, 96);
            const Grid positions = random_grid<float>(extent.sequence + 2, width, 97);
            verify<EmulatedKernels>(Threads::irrelevant,
                                    {Expected(added_in_order(tokens, token_rows, d_out)),
                                     Expected(added_in_order(positions, position_rows, d_out))},
                                    [&](EmulatedKernels& backend) {
                                        Uploaded<Token, EmulatedKernels> uploaded(backend, ids);
                                        OnBackend<float, EmulatedKernels> d(backend, d_out);
                                        OnBackend<float, EmulatedKernels> d_tokens(backend, tokens);
                                        OnBackend<float, EmulatedKernels> d_positions(backend, positions);
                                        cuda::execute(backend.context(), EmbedBackward<float, float>{
                                                                             .ids = uploaded.column(),
                                                                             .extent = extent,
                                                                             .d_out = d.input(),
                                                                             .d_token_table = d_tokens.view(),
                                                                             .d_position_table = d_positions.view()});
                                        return Grids{d_tokens.read(), d_positions.read()};
                                    });
        }
    }
}

TEST_CASE("embed of packed rows is embed of rows that are not", "[cuda][embedding]") {
    for (const std::size_t width : gpt2_widths) {
        CAPTURE(width);
        const Grid tokens = random_grid<bf16>(11, width, 98);
        const Grid positions = random_grid<bf16>(5, width, 99);
        const std::vector<Token> ids{10, 0, 3, 3, 7, 1};
        Grid sums(ids.size(), width);
        for (std::size_t n = 0; n < ids.size(); ++n) {
            for (std::size_t c = 0; c < width; ++c) {
                sums(n, c) = tokens(static_cast<std::size_t>(ids[n]), c) + positions(n % 3, c);  // exact in float
            }
        }
        verify<EmulatedKernels>(Threads::irrelevant, {Expected(sums), Expected(sums)}, [&](EmulatedKernels& backend) {
            Grids outputs;
            for (const Layout layout : {Layout::dense, Layout::slice}) {
                Uploaded<Token, EmulatedKernels> uploaded(backend, ids);
                OnBackend<bf16, EmulatedKernels> token_table(backend, tokens, layout);
                OnBackend<bf16, EmulatedKernels> position_table(backend, positions, layout);
                OnBackend<float, EmulatedKernels> out(backend, unset(ids.size(), width), layout);
                cuda::execute(backend.context(), Embed<float, bf16>{.ids = uploaded.column(),
                                                                    .extent = {2, 3},
                                                                    .token_table = token_table.input(),
                                                                    .position_table = position_table.input(),
                                                                    .out = out.view()});
                outputs.push_back(out.read());
            }
            return outputs;
        });
    }
}
