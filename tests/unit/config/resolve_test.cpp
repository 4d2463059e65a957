#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/base/config/schema.h"
#include "tests/support/declared_router.h"

namespace switchyard::config {
namespace {

Json parsed(std::string_view text) {
  auto result = parse_json(text, "test");
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().text());
  return result.ok() ? std::move(result).value() : Json();
}

Resolved resolved(std::string_view text) {
  return resolve(test::run_schema_for_tests(), parsed(text), "x.json");
}

std::string all_text(const std::vector<Error>& errors) {
  std::string text;
  for (const Error& error : errors) text += error.text() + "\n";
  return text;
}

/// A layer list with one routed layer and these members.
std::string routed(const std::string& members) {
  return "{\"model\":{\"layers\":[{\"feed_forward\":{\"type\":\"routed_experts\"," + members +
         "}}]}}";
}

struct BadConfig {
  std::string text;
  std::string expected;  ///< the whole line for people
};

std::vector<BadConfig> bad_configs() {
  return {
      // names of keys
      {R"({"modle":{}})",
       R"(x.json /modle: expected a known key, found "modle". Did you mean "model"?)"},
      {R"({"train":{"max_step":5}})",
       R"(x.json /train/max_step: expected a known key, found "max_step". Did you mean "max_steps"?)"},
      {R"({"guard":{"banana":5}})",
       R"(x.json /guard/banana: expected a known key, found "banana". Known keys here: note, use_guard, spike_sigma, window_steps, max_consecutive_skips, max_rollbacks.)"},
      {R"({"data":{"a/b~c":1}})",
       R"(x.json /data/a~1b~0c: expected a known key, found "a/b~c". Known keys here: note, dataset, text_file, tokenizer, train_frac.)"},
      {R"({"schedule":{"type":"constant","warmup_steps":5}})",
       R"(x.json /schedule/warmup_steps: expected a known key, found "warmup_steps". Known keys here: note, type.)"},
      {routed(R"("router":{"topk":1})"),
       R"(x.json /model/layers/0/feed_forward/router/topk: expected a known key, found "topk". Did you mean "top_k"?)"},
      // types
      {R"({"train":{"max_steps":3.0}})",
       "x.json /train/max_steps: expected an integer in [1, 1000000000] (steps), found the number "
       "3.0. Write 3."},
      {R"({"train":{"max_steps":3.7}})",
       "x.json /train/max_steps: expected an integer in [1, 1000000000] (steps), found the number "
       "3.7."},
      {R"({"train":{"max_steps":true}})",
       "x.json /train/max_steps: expected an integer in [1, 1000000000] (steps), found the boolean "
       "true."},
      {R"({"train":{"max_steps":"5"}})",
       R"(x.json /train/max_steps: expected an integer in [1, 1000000000] (steps), found the text "5".)"},
      {R"({"train":{"max_steps":null}})",
       "x.json /train/max_steps: expected an integer in [1, 1000000000] (steps), found null."},
      {R"({"train":{"max_steps":[5]}})",
       "x.json /train/max_steps: expected an integer in [1, 1000000000] (steps), found a list."},
      {R"({"model":{"use_bias":1}})", "x.json /model/use_bias: expected true or false, found 1."},
      {R"({"model":{"use_bias":"true"}})",
       R"(x.json /model/use_bias: expected true or false, found the text "true".)"},
      {R"({"model":{"dropout":"0.1"}})",
       R"(x.json /model/dropout: expected a number in [0, 0.99] (fraction), found the text "0.1".)"},
      {R"({"model":{"dropout":false}})",
       "x.json /model/dropout: expected a number in [0, 0.99] (fraction), found the boolean "
       "false."},
      {R"({"name":5})", "x.json /name: expected a text, found 5."},
      {R"({"data":{"text_file":"a\u0000b"}})",
       "x.json /data/text_file: expected a text, found a NUL character inside. Remove it."},
      {R"({"model":[]})", "x.json /model: expected an object, found a list."},
      {R"({"optimizer":"adamw"})",
       R"(x.json /optimizer: expected an object, found the text "adamw".)"},
      {R"({"model":{"layers":{}}})", "x.json /model/layers: expected a list, found an object."},
      {R"({"model":{"layers":[5]}})", "x.json /model/layers/0: expected an object, found 5."},
      {R"({"model":{"layers":[]}})",
       "x.json /model/layers: expected a list of 1 to 256 items, found 0."},
      // ranges
      {R"({"train":{"max_steps":0}})",
       "x.json /train/max_steps: expected an integer in [1, 1000000000] (steps), found 0. Raise it "
       "to at least 1."},
      {R"({"train":{"seed":-1}})",
       "x.json /train/seed: expected an integer in [0, 9007199254740991], found -1. Raise it to at "
       "least 0."},
      {R"({"model":{"d_model":9223372036854775807}})",
       "x.json /model/d_model: expected an integer in [1, 65536] (features), found "
       "9223372036854775807. Lower it to at most 65536."},
      {R"({"model":{"norm_eps":0}})",
       "x.json /model/norm_eps: expected a number in (0, 1], found 0. Raise it above 0."},
      {R"({"model":{"dropout":1.0}})",
       "x.json /model/dropout: expected a number in [0, 0.99] (fraction), found 1.0. Lower it to "
       "at "
       "most 0.99."},
      {R"({"data":{"train_frac":1.0}})",
       "x.json /data/train_frac: expected a number in (0, 0.999999] (fraction), found 1.0. Lower "
       "it "
       "to at most 0.999999."},
      {R"({"checkpoint":{"keep_last":1}})",
       "x.json /checkpoint/keep_last: expected an integer in [2, 100000] (checkpoints), found 1. "
       "Raise it to at least 2."},
      {R"({"version":3})",
       "x.json /version: expected an integer in [1, 2], found 3. Lower it to at "
       "most 2."},
      // words
      {R"({"schema":"other.run"})",
       R"(x.json /schema: expected "switchyard.run", found the text "other.run".)"},
      {R"({"model":{"norm":"layernorm"}})",
       R"(x.json /model/norm: expected one of "layer_norm", "rms_norm", found the text "layernorm". Did you mean "layer_norm"?)"},
      {R"({"model":{"position":3}})",
       R"(x.json /model/position: expected one of "learned", "rope", found 3.)"},
      {R"({"optimizer":{"type":"adamx"}})",
       R"(x.json /optimizer/type: expected one of "adamw", "muon", "adafactor", "sgd", "adam", "amsgrad", found the text "adamx". Did you mean "adamw"?)"},
      {R"({"optimizer":{"type":"sgd","momentum":0,"dampening":0.5}})",
       "x.json /optimizer/dampening: acts on the momentum, and /optimizer/momentum is 0. Raise "
       "momentum above 0 or leave dampening out."},
      {R"({"optimizer":{"type":"sgd","momentum":0,"use_nesterov":true}})",
       "x.json /optimizer/use_nesterov: acts on the momentum, and /optimizer/momentum is 0. Raise "
       "momentum above 0 or leave use_nesterov out."},
      {R"({"optimizer":{"type":"sgd","dampening":0.5,"use_nesterov":true}})",
       "x.json /optimizer/dampening: expected 0 (use_nesterov is on), found 0.5. Set dampening to "
       "0 "
       "or switch /optimizer/use_nesterov off."},
      {R"({"optimizer":{"type":"adafactor","beta1":0.9}})",
       R"(x.json /optimizer/beta1: expected a known key, found "beta1". Known keys here: note, learning_rate, decay_exponent, eps1, eps2, clip_threshold, weight_decay, decay_rule, grad_clip_norm, type.)"},
      {R"({"schedule":{"type":"cosin"}})",
       R"(x.json /schedule/type: expected one of "cosine", "linear", "wsd", "wsd_fraction", "inverse_sqrt", "constant", "constant_warmup", found the text "cosin". Did you mean "cosine"?)"},
      {R"({"schedule":{"type":7}})",
       R"(x.json /schedule/type: expected one of "cosine", "linear", "wsd", "wsd_fraction", "inverse_sqrt", "constant", "constant_warmup", found 7.)"},
      {routed(R"("router":{"type":"top_q"})"),
       R"(x.json /model/layers/0/feed_forward/router/type: expected "top_k", found the text "top_q". Did you mean "top_k"?)"},
      // rules between keys: both pointers
      {routed(R"("num_experts":8,"router":{"top_k":16})"),
       "x.json /model/layers/0/feed_forward/router/top_k: expected an integer in [1, 8] "
       "(num_experts), found 16. Lower top_k or raise /model/layers/0/feed_forward/num_experts."},
      {R"({"model":{"d_model":130}})",
       "x.json /model/d_model: expected a multiple of 4 (num_heads), found 130. Set d_model to 128 "
       "or change /model/num_heads."},
      {R"({"model":{"d_model":12,"position":"rope"}})",
       "x.json /model/position: rope rotates pairs and needs an even head_dim (d_model / "
       "num_heads), found 3. Change /model/num_heads or set position to \"learned\"."},
      {R"({"model":{"layers":[{"repeat":512},{"repeat":1}]}})",
       "x.json /model/layers: expected at most 512 layers (the sum of repeat), found 513. Lower a "
       "repeat."},
      {R"({"schedule":{"warmup_steps":300,"decay_steps":200}})",
       "x.json /schedule/warmup_steps: expected an integer in [0, 200] (decay_steps), found 300. "
       "Lower warmup_steps or raise /schedule/decay_steps."},
      {R"({"schedule":{"min_learning_rate":0.01}})",
       "x.json /schedule/min_learning_rate: expected at most 0.001 (/optimizer/learning_rate), "
       "found 0.01. Lower min_learning_rate or raise /optimizer/learning_rate."},
      {R"({"data":{"dataset":""}})",
       "x.json /data/dataset: expected the name of a data set, found nothing here and nothing in "
       "text_file. Name a data set, or set /data/text_file to a file of your own."},
      {R"({"name":"../x"})",
       "x.json /name: expected letters, digits, '-', '_' and '.' (it names the run's folder), "
       "found "
       "\"../x\". Choose a name such as \"my-run\"."},
      {R"({"name":""})",
       "x.json /name: expected letters, digits, '-', '_' and '.' (it names the run's folder), "
       "found "
       "\"\". Choose a name such as \"my-run\"."},
  };
}

TEST(Resolve, RefusesEveryBadConfigWithExactlyOneClearLine) {
  for (const BadConfig& bad : bad_configs()) {
    const Resolved result = resolved(bad.text);
    ASSERT_EQ(result.errors.size(), 1U) << bad.text << "\n" << all_text(result.errors);
    EXPECT_EQ(result.errors[0].text(), bad.expected);
    EXPECT_EQ(result.errors[0].code, ErrorCode::kConfig);
  }
}

TEST(Resolve, RefusesAnythingButAnObject) {
  for (const char* text : {"[]", "5", "\"a\"", "null", "true"}) {
    const Resolved result = resolved(text);
    ASSERT_EQ(result.errors.size(), 1U) << text;
    EXPECT_NE(result.errors[0].message.find("expected a configuration"), std::string::npos);
  }
}

TEST(Resolve, ReportsAllErrorsOfAFileAtOnce) {
  const Resolved result = resolved(
      R"({"nmae":"a","model":{"d_model":0,"norm":"x"},"train":{"seed":1.5,"max_steps":-3}})");
  EXPECT_EQ(result.errors.size(), 5U) << all_text(result.errors);
}

TEST(Resolve, ReportsAtMostFiftyErrors) {
  std::string text = "{";
  for (int i = 0; i < 80; ++i) text += (i ? ",\"key" : "\"key") + std::to_string(i) + "\":1";
  const Resolved result = resolved(text + "}");
  ASSERT_EQ(result.errors.size(), 50U);
  EXPECT_EQ(result.errors.back().message, "31 more errors are not listed.");
}

TEST(Resolve, FillsEveryDefaultIn) {
  const Resolved result = resolved("{}");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  EXPECT_EQ(result.config["schema"].as_string(), "switchyard.run");
  EXPECT_EQ(result.config["version"].as_integer(), kRunVersion);
  EXPECT_EQ(result.config["model"]["d_model"].as_integer(), 128);
  EXPECT_EQ(result.config["model"]["layers"][0]["feed_forward"]["type"].as_string(), "dense");
  EXPECT_EQ(result.config["model"]["layers"][0]["feed_forward"]["d_ff"].as_integer(), 512);
  EXPECT_EQ(result.config["optimizer"]["type"].as_string(), "adamw");
  EXPECT_EQ(result.config["schedule"]["decay_steps"].as_integer(), 2000);
  EXPECT_EQ(result.config["guard"]["spike_sigma"].as_number(), 6.0);
}

TEST(Resolve, IsIdempotent) {
  const Schema schema = test::run_schema_for_tests();
  const Json once = resolve(schema, parsed(routed("\"num_experts\":4")), "").config;
  const Resolved twice = resolve(schema, parsed(once.dump()), "");
  ASSERT_TRUE(twice.ok()) << all_text(twice.errors);
  EXPECT_EQ(twice.config, once);
}

TEST(Resolve, TurnsIntegersIntoNumbersWhereNumbersAreDeclared) {
  const Resolved result = resolved(R"({"optimizer":{"learning_rate":1,"weight_decay":0}})");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  EXPECT_FALSE(result.config["optimizer"]["learning_rate"].is_integer());
}

TEST(Resolve, OptionsBelongToTheChosenAlternative) {
  const Resolved result = resolved(
      R"({"schedule":{"type":"wsd","stable_steps":7,"cooldown_steps":3,"decay_shape":"cosine"}})");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  EXPECT_EQ(result.config["schedule"]["stable_steps"].as_integer(), 7);
  EXPECT_EQ(result.config["schedule"].find("decay_steps"), nullptr);
}

TEST(Resolve, EveryScheduleTypeIsValidWithItsDefaults) {
  const Schema schema = test::run_schema_for_tests();
  const Field* schedule = schema.find("schedule");
  ASSERT_NE(schedule, nullptr);
  EXPECT_EQ(schedule->alternatives.size(), 7U);
  for (const Field::Alternative& alternative : schedule->alternatives) {
    const Resolved result = resolved("{\"schedule\":{\"type\":\"" + alternative.type + "\"}}");
    EXPECT_TRUE(result.ok()) << all_text(result.errors);
  }
}

TEST(Resolve, EveryOptimizerIsValidWithItsDefaults) {
  const Schema schema = test::run_schema_for_tests();
  const Field* optimizer = schema.find("optimizer");
  ASSERT_NE(optimizer, nullptr);
  EXPECT_EQ(optimizer->alternatives.size(), 6U);
  for (const Field::Alternative& alternative : optimizer->alternatives) {
    EXPECT_FALSE(alternative.source.empty());
    const Resolved result = resolved("{\"optimizer\":{\"type\":\"" + alternative.type + "\"}}");
    EXPECT_TRUE(result.ok()) << all_text(result.errors);
  }
}

TEST(Resolve, AnOwnTextFileNeedsNoDataSet) {
  EXPECT_TRUE(resolved(R"({"data":{"dataset":"","text_file":"a.txt"}})").ok());
  EXPECT_TRUE(resolved(R"({"data":{"text_file":"a.txt"}})").ok());
}

TEST(Resolve, ReportsAMissingRequiredKey) {
  Schema schema;
  schema.integer("width", 0).range(1, 9).required();
  const Resolved result = resolve(schema, parsed("{}"), "x.json");
  ASSERT_EQ(result.errors.size(), 1U);
  EXPECT_EQ(result.errors[0].text(),
            "x.json /width: expected the key \"width\", found none. Add it.");
}

/// Walks all fields of a schema, also those of nested objects.
void for_each_field(const Schema& schema, void (*visit)(const Field& field)) {
  for (const Field& field : schema.fields()) {
    visit(field);
    if (field.object) for_each_field(*field.object, visit);
    for (const Field::Alternative& alternative : field.alternatives)
      for_each_field(*alternative.schema, visit);
  }
}

TEST(RunSchema, EveryFieldHasHelpAndLabelAndEveryNumberARange) {
  for_each_field(test::run_schema_for_tests(), [](const Field& field) {
    EXPECT_FALSE(field.help.empty()) << field.key;
    EXPECT_FALSE(field.label.empty()) << field.key;
    EXPECT_EQ(field.help.find('\n'), std::string::npos) << field.key;
    const bool is_number =
        field.type == Field::Type::kInteger || field.type == Field::Type::kNumber;
    EXPECT_TRUE(!is_number || field.has_range) << field.key;
  });
}

TEST(RunSchema, EverySectionHasANote) {
  const Json config = resolved("{}").config;
  for (const auto& [key, value] : config.members())
    EXPECT_TRUE(!value.is_object() || value.find("note") != nullptr) << key;
  EXPECT_NE(config.find("note"), nullptr);
}

TEST(RunSchema, CountsOfStepsEndInSteps) {
  for_each_field(test::run_schema_for_tests(), [](const Field& field) {
    if (field.unit != "steps" || field.key == "max_consecutive_skips") return;
    EXPECT_TRUE(field.key.size() > 6 && field.key.substr(field.key.size() - 6) == "_steps")
        << field.key;
  });
}

}  // namespace
}  // namespace switchyard::config
