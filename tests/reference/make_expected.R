# Make stats/r_expected.json again, and print the numbers that tests quote from models with slopes.
#
# Rscript tests/reference/make_expected.R
#
# The stored values are from R 4.2.2 with lme4 1.1-31. Packages: lme4, jsonlite.

library(lme4)
library(jsonlite)

arguments <- commandArgs(trailingOnly = FALSE)
script <- sub("^--file=", "", grep("^--file=", arguments, value = TRUE))
folder <- file.path(dirname(script), "stats")

methods <- c("l2", "mcl", "zhang2016")
pairs <- list(c("l2", "mcl"), c("l2", "zhang2016"), c("mcl", "zhang2016"))

study <- read.csv(file.path(folder, "crossed_responses.csv"))
study$fooled <- as.integer(study$truth != study$answer)
study$method <- factor(study$method, levels = methods)

# The default tolerances stop far from the maximum, and leave a Hessian that gives wrong errors.
precise <- glmerControl(
  optimizer = "bobyqa", tolPwrss = 1e-10, optCtrl = list(maxfun = 4e5, rhoend = 1e-8)
)

interval <- function(test) as.numeric(test$conf.int)

# Wilson's interval is prop.test's without the continuity correction; binom.test's is
# Clopper and Pearson's.
proportion <- function(k, n) {
  list(
    k = k, n = n,
    wilson = interval(suppressWarnings(prop.test(k, n, correct = FALSE))),
    clopper_pearson = interval(binom.test(k, n))
  )
}

# The deviance is -2 times the Laplace log likelihood: deviance() of a glmer fit is another one.
laplace_deviance <- function(model) -2 * as.numeric(logLik(model))

standard_errors <- function(model) sqrt(diag(as.matrix(vcov(model))))

random_sd <- function(model, group) as.numeric(attr(VarCorr(model)[[group]], "stddev"))

# The mean of the inverse logit over normal effects of participants and images.
marginal_rate <- function(beta, sd) {
  integrate(function(z) plogis(beta + sd * z) * dnorm(z), -Inf, Inf, rel.tol = 1e-10)$value
}

fit_method <- function(name) {
  model <- glmer(fooled ~ 1 + (1 | participant) + (1 | image),
    data = study[study$method == name, ], family = binomial, control = precise
  )
  sd_participant <- random_sd(model, "participant")
  sd_image <- random_sd(model, "image")
  list(
    beta = unname(fixef(model)), se = standard_errors(model)[[1]],
    sd_participant = sd_participant, sd_image = sd_image,
    deviance = laplace_deviance(model),
    marginal_rate = marginal_rate(fixef(model)[[1]], sqrt(sd_participant^2 + sd_image^2))
  )
}

# a - b of a model without an intercept
log_odds_ratio <- function(model, a, b) {
  terms <- paste0("method", c(a, b))
  covariance <- as.matrix(vcov(model))[terms, terms]
  ratio <- fixef(model)[[terms[1]]] - fixef(model)[[terms[2]]]
  se <- sqrt(covariance[1, 1] + covariance[2, 2] - 2 * covariance[1, 2])
  list(log_odds_ratio = ratio, se = se, p = 2 * pnorm(-abs(ratio / se)))
}

named <- function(values) setNames(as.list(unname(values)), methods)

fit_all_methods <- function() {
  model <- glmer(fooled ~ 0 + method + (1 | participant) + (1 | image),
    data = study, family = binomial, control = precise
  )
  equal <- update(model, . ~ 1 + (1 | participant) + (1 | image))
  test <- anova(equal, model)
  ratios <- lapply(pairs, function(pair) log_odds_ratio(model, pair[1], pair[2]))
  list(
    beta = named(fixef(model)), se = named(standard_errors(model)),
    sd_participant = random_sd(model, "participant"), sd_image = random_sd(model, "image"),
    deviance = laplace_deviance(model),
    log_odds_ratios = setNames(ratios, sapply(pairs, paste, collapse = "-")),
    equal_methods = list(
      chisq = test$Chisq[2], df = test$Df[2], p = test[["Pr(>Chisq)"]][2]
    )
  )
}

# Constants of tests/analysis/mixed_model/: slopes per method for participants and for images.
print_slopes <- function(pair) {
  data <- droplevels(study[study$method %in% pair, ])
  slopes <- glmer(fooled ~ 0 + method + (0 + method | participant) + (0 + method | image),
    data = data, family = binomial, control = precise
  )
  intercepts <- glmer(fooled ~ 0 + method + (1 | participant) + (1 | image),
    data = data, family = binomial, control = precise
  )
  sds <- sqrt(sapply(VarCorr(slopes)[c("participant", "image")], diag))
  cat("\n", pair[1], "-", pair[2], "\n")
  print(fixef(slopes), digits = 10)
  print(vcov(slopes), digits = 10)
  print(VarCorr(slopes), digits = 10)
  cat("deviance", format(laplace_deviance(slopes), digits = 10), "\n")
  cat("marginal rates", format(mapply(
    marginal_rate, fixef(slopes), sqrt(rowSums(sds^2))
  ), digits = 8), "\n")
  ratio <- log_odds_ratio(slopes, pair[1], pair[2])
  cat("log odds ratio and variance", format(c(ratio$log_odds_ratio, ratio$se^2), digits = 8), "\n")
  cat("p with random intercepts only", log_odds_ratio(intercepts, pair[1], pair[2])$p, "\n")
}

counts <- read.csv(file.path(folder, "proportions.csv"))
expected <- list(
  versions = list(
    R = paste(R.version$major, R.version$minor, sep = "."),
    lme4 = packageDescription("lme4")$Version
  ),
  proportions = Map(proportion, counts$fooled, counts$trials),
  per_method = setNames(lapply(methods, fit_method), methods),
  all_methods = fit_all_methods()
)
write_json(expected, file.path(folder, "r_expected.json"),
  auto_unbox = TRUE, digits = NA, pretty = 1
)
for (pair in pairs) print_slopes(pair)
print(binom.test(8, 10)$p.value, digits = 10)
