"""The works that the methods section of a report cites."""

REFERENCES = {
    "Bates": (
        "Bates, D., Mächler, M., Bolker, B. & Walker, S. (2015). Fitting linear mixed-effects"
        " models using lme4. Journal of Statistical Software 67(1)."
    ),
    "Cameron": (
        "Cameron, A. C., Gelbach, J. B. & Miller, D. L. (2011). Robust inference with"
        " multiway clustering. Journal of Business & Economic Statistics 29, 238–249."
    ),
    "Clopper": (
        "Clopper, C. J. & Pearson, E. S. (1934). The use of confidence or fiducial limits"
        " illustrated in the case of the binomial. Biometrika 26, 404–413."
    ),
    "Griffin": (
        "Griffin, B. S. & Krutchkoff, R. G. (1971). Optimal linear estimators: an empirical"
        " Bayes version with application to the binomial distribution. Biometrika 58, 195–201."
    ),
    "Hautus": (
        "Hautus, M. J. (1995). Corrections for extreme proportions and their biasing effects"
        " on estimated values of d′. Behavior Research Methods 27, 46–51."
    ),
    "Holm": (
        "Holm, S. (1979). A simple sequentially rejective multiple test procedure."
        " Scandinavian Journal of Statistics 6, 65–70."
    ),
    "Isola": (
        "Isola, P., Zhu, J.-Y., Zhou, T. & Efros, A. A. (2017). Image-to-image translation"
        " with conditional adversarial networks. CVPR."
    ),
    "Macmillan": (
        "Macmillan, N. A. & Creelman, C. D. (2005). Detection theory: a user’s guide"
        " (2nd ed.). Erlbaum."
    ),
    "Newcombe": (
        "Newcombe, R. G. (1998). Interval estimation for the difference between independent"
        " proportions. Statistics in Medicine 17, 873–890."
    ),
    "Owen": (
        "Owen, A. B. (2007). The pigeonhole bootstrap. Annals of Applied Statistics 1, 386–411."
    ),
    "Saharia": "Saharia, C. et al. (2022). Palette: image-to-image diffusion models. SIGGRAPH.",
    "Schuirmann": (
        "Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and"
        " the power approach for assessing the equivalence of average bioavailability. Journal of"
        " Pharmacokinetics and Biopharmaceutics 15, 657–680."
    ),
    "Spiegelhalter": (
        "Spiegelhalter, D. J. (2005). Funnel plots for comparing institutional"
        " performance. Statistics in Medicine 24, 1185–1202."
    ),
    "Wilson": (
        "Wilson, E. B. (1927). Probable inference, the law of succession, and statistical"
        " inference. Journal of the American Statistical Association 22, 209–212."
    ),
    "Zhang": "Zhang, R., Isola, P. & Efros, A. A. (2016). Colorful image colorization. ECCV.",
    "Zhou": (
        "Zhou, S., Gordon, M. L., Krishna, R., Narcomey, A., Li, F.-F. & Bernstein, M. S. (2019)."
        " HYPE: a benchmark for human eye perceptual evaluation of generative models. NeurIPS."
    ),
}
