// SPDX-License-Identifier: MIT
#include <lamina/recipe/catalogue.hpp>
#include <lamina/recipe/describe.hpp>

#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using lamina::recipe::describe;
using lamina::recipe::find;
using lamina::recipe::Recipe;

TEST_CASE("the description of the small full-rank recipe shows all of it") {
    CHECK(describe(find("gpt2")) ==
          R"(recipe            gpt2-lora-full-6e-4
published as      gpt2_lora_lr6e-4 of submarat/removing-layer-norm, revision 0fc65f7
model             gpt2, 12 layers
trained           full-rank adapters on frozen weights
updates           300
learning rate     0.0006 after 20 updates of warm-up, then a cosine down to 0.0003
batch             40 sequences x 12 micro-batches x 1024 tokens = 491520 tokens per update
loss              mean of the means of the micro-batches
optimiser         AdamW, betas 0.9 and 0.999, epsilon 1e-08, weight decay 0.01
norm gains        without weight decay
gradient clipping global norm 1
auxiliary loss    none
end-of-text       targets ignored
first position    treated like the others
divisors          the initial standard deviations throughout
average           momentum 0.9, 3 calls of ln_1 per micro-batch, evaluation passes included, over all positions
saved             every 100 updates
evaluated         every 100 updates

  removal                  first  last   gap
  ln_2                        20    42     2
  ln_1 queries and keys       44    66     2
  ln_1 values                 68   101     3
  ln_f                       104   104
  ln_1 end-of-text           106   106
  ln_1 first position      never

The last norm goes at update 104; the schedule is over at update 106.
)");
}

TEST_CASE("the description says what is special about a run") {
    CHECK_THAT(describe(find("gpt2-lora-128-1e-3")), ContainsSubstring("adapters of rank 128 on frozen weights\n"));
    CHECK_THAT(describe(find("gpt2-lora-128-1e-3")), ContainsSubstring("the moving average, also after removal\n"));
    CHECK_THAT(describe(find("gpt2-xl-finetune-aux")), ContainsSubstring("auxiliary loss    weight 0.01\n"));
    CHECK_THAT(describe(find("gpt2-xl-finetune-aux")), ContainsSubstring("trained           every parameter\n"));
    CHECK_THAT(describe(find("gpt2-finetune")), ContainsSubstring("norm gains        weight decay like weights\n"));
    CHECK_THAT(describe(find("nano")), !ContainsSubstring("published as"));
    CHECK_THAT(describe(find("nano")), ContainsSubstring("loss              mean over the tokens of an update\n"));
    CHECK_THAT(describe(find("nano")), ContainsSubstring("16 sequences x 1 micro-batch x 128 tokens = 2048 tokens"));
}

TEST_CASE("the description of a control run says that no norm goes") {
    Recipe control = find("nano");
    control.removal = {};
    const std::string text = describe(control);
    CHECK_THAT(text, ContainsSubstring("  ln_2                     never\n"));
    CHECK_THAT(text, !ContainsSubstring("The last norm goes"));
}
