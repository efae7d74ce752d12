// SPDX-License-Identifier: MIT
// Micro-batches at the end of the whole pipeline.
#include <lamina/text/batch_stream.hpp>

#include <lamina/text/byte_tokenizer.hpp>
#include <lamina/text/documents.hpp>
#include <lamina/text/shards.hpp>
#include <lamina/text/token_stream.hpp>

#include "support/catch.hpp"
#include "text/support.hpp"

#include <range/v3/range/concepts.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/take.hpp>

using lamina::Token;
using lamina::TokenBatch;
using namespace lamina::text;

TEST_CASE("a stream of batches takes as many as are read, and the position follows", "[text]") {
    const TokenMemory store(std::vector<Token>(100, 7));
    Batches batches(store, {.batch = 2, .sequence = 10});
    auto stream = batch_stream(batches);
    static_assert(ranges::input_range<decltype(stream)>);
    CHECK(batches.position().index == 0);
    int count = 0;
    for (const TokenBatch& batch : stream | ranges::views::take(3)) count += batch.inputs[0] == 7 ? 1 : 0;
    CHECK(count == 3);
    CHECK(batches.position().index == 3);
}

TEST_CASE("files, documents, tokens, shard and batches fit together", "[text]") {
    const lamina_tests::TextFolder folder;
    const auto one = folder.file("one.txt", "abc\n<|endoftext|>\nde");
    const auto two = folder.file("two.jsonl", "{\"text\": \"fghij\"}\n");
    const ByteTokenizer tokenizer;
    const auto shard = folder.path() / "tokens.bin";
    CHECK(write_token_shard(shard, documents({one, two}) | token_stream(tokenizer)) == 13);

    const TokenShard store(shard);
    Batches batches(store, {.batch = 3,
                            .sequence = 4,
                            .targets = {.last = LastTarget::next_token, .ignored_token = tokenizer.end_of_text()},
                            .order = BlockOrder::stored});
    const TokenBatch batch = batches.next();
    CHECK(ranges::to<std::vector<Token>>(batch.inputs) ==
          std::vector<Token>{'a', 'b', 'c', 256, 'd', 'e', 256, 'f', 'g', 'h', 'i', 'j'});
    CHECK(ranges::to<std::vector<Token>>(batch.targets) ==
          std::vector<Token>{'b', 'c', -100, 'd', 'e', -100, 'f', 'g', 'h', 'i', 'j', -100});
}
