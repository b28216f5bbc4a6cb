"""Pictures of derivatives: their numbers by independent ways, and their labels."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_linnerud
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures

from sklearn_nnderiv.inspection import (
    DerivativeCheckDisplay,
    JacobianHeatmapDisplay,
    PartialDerivativeDisplay,
    extrapolation_score,
)
from sklearn_nnderiv.inspection._grids import weighted_quantiles

from .oracles import central_differences

NAMES = ["age", "dose", "size"]
UNITS = {"age": "years", "dose": "mg", "y": "mmol"}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


class Known(torch.nn.Module):
    """Two outputs: sin(a) b + c^2, and a b."""

    def forward(self, x):
        a, b, c = x.unbind(-1)
        return torch.stack([torch.sin(a) * b + c**2, a * b], dim=-1)


def truth(X):
    a, b, c = np.asarray(X, dtype=float).T
    zero = np.zeros(len(a))
    first = np.stack([np.cos(a) * b, np.sin(a), 2 * c], axis=1)
    return np.stack([first, np.stack([b, a, zero], axis=1)], axis=1)


@pytest.fixture
def X(rng):
    return pd.DataFrame(rng.normal(size=(60, 3)), columns=NAMES)


@pytest.fixture
def process(X):
    """A smooth function of a frame."""
    y = np.sin(X["age"]) * X["dose"] + X["size"] ** 2
    return GaussianProcessRegressor(RBF(2.0), alpha=1e-6, optimizer=None).fit(X, y)


@pytest.fixture
def mixed(rng):
    """A frame with a category, and a model whose derivatives are known."""
    data = {"dose": rng.normal(size=80), "sort": rng.choice(["a", "b", "c"], 80)}
    data["age"] = rng.normal(size=80)
    X = pd.DataFrame(data)
    columns = make_column_transformer(
        (OneHotEncoder(sparse_output=False, drop="first"), ["sort"]),
        remainder="passthrough",
    )
    y = X["dose"] ** 2 + X["age"] * (X["sort"] == "b") + 3.0 * (X["sort"] == "c")
    model = make_pipeline(columns, PolynomialFeatures(2), LinearRegression())
    return model.fit(X, y), X, y.to_numpy()


class TestPartialDerivative:
    def test_curves_are_differences_of_moved_predictions(self, process, X):
        display = PartialDerivativeDisplay.from_estimator(
            process, X, ["dose"], grid_resolution=7
        )
        (result,) = display.results
        (grid,) = result.grid_values
        ends = np.quantile(X["dose"], [0.05, 0.95])
        np.testing.assert_allclose(grid, np.linspace(*ends, 7))
        for g, point in enumerate(grid):

            def moved(t, point=point):
                rows = X.assign(dose=t[:, 0])
                return process.predict(rows)

            expected = central_differences(moved, np.full((60, 1), point), scale=1.0)
            np.testing.assert_allclose(
                result.individual[:, g], expected[:, 0], rtol=1e-5, atol=1e-7
            )
        np.testing.assert_allclose(result.average, result.individual.mean(axis=0))
        np.testing.assert_allclose(
            result.deciles[0], np.quantile(X["dose"], np.arange(1, 10) / 10)
        )

    def test_closed_form_of_curves_and_pairs(self, X):
        weight = np.arange(60.0)
        display = PartialDerivativeDisplay.from_estimator(
            Known(),
            X.to_numpy(),
            ["x0", (0, 1)],
            target=0,
            sample_weight=weight,
            grid_resolution=9,
        )
        curve, pair = display.results
        (grid,) = curve.grid_values
        rows = X.to_numpy()[1:]  # the first has no weight
        expected = np.cos(grid) * rows[:, 1:2]
        np.testing.assert_allclose(curve.individual, expected, atol=1e-12)
        mean = np.average(expected, axis=0, weights=weight[1:])
        np.testing.assert_allclose(curve.average, mean, atol=1e-12)
        first, second = pair.grid_values
        assert len(first) == len(second) == 5
        by_first = np.cos(first)[:, None] * second
        by_second = np.broadcast_to(np.sin(first)[:, None], (5, 5))
        np.testing.assert_allclose(pair.average, [by_first, by_second], atol=1e-12)

    def test_blocks_of_points_do_not_show(self, process, X, monkeypatch):
        features = ["age", ("age", "size")]
        whole = PartialDerivativeDisplay.from_estimator(process, X, features)
        path = "sklearn_nnderiv.inspection._grids._BLOCK_SIZE"
        monkeypatch.setattr(path, 60 * 3 * 4)
        parts = PartialDerivativeDisplay.from_estimator(process, X, features)
        for one, other in zip(whole.results, parts.results, strict=True):
            np.testing.assert_allclose(one.average, other.average, atol=1e-10)
        np.testing.assert_allclose(
            whole.results[0].individual, parts.results[0].individual, atol=1e-10
        )

    @pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
    def test_frame_with_a_category(self, mixed, library):
        model, X, _ = mixed
        frame = X if library is pd.DataFrame else pl.from_pandas(X)
        display = PartialDerivativeDisplay.from_estimator(
            model, frame, ["age", ("dose", "age")]
        )
        is_b = (X["sort"] == "b").to_numpy(dtype=float)
        curve, pair = display.results
        np.testing.assert_allclose(
            curve.individual, np.repeat(is_b[:, None], 50, axis=1), atol=1e-9
        )
        slope = np.broadcast_to(2 * pair.grid_values[0][:, None], (26, 26))
        np.testing.assert_allclose(pair.average[0], slope, atol=1e-9)

    def test_category_is_refused(self, mixed):
        model, X, _ = mixed
        with pytest.raises(ValueError, match=r"'sort'.*marginal_effects"):
            PartialDerivativeDisplay.from_estimator(model, X, ["age", "sort"])

    def test_number_that_is_encoded_is_refused(self, rng):
        X = np.column_stack([rng.integers(3, size=50), rng.normal(size=50)])
        columns = make_column_transformer(
            (OneHotEncoder(sparse_output=False), [0]), ("passthrough", [1])
        )
        model = make_pipeline(columns, LinearRegression()).fit(X, X.sum(axis=1))
        with pytest.raises(ValueError, match=r"'x0'.*marginal_effects"):
            PartialDerivativeDisplay.from_estimator(model, X, [1, 0])

    def test_few_values_are_the_grid(self, rng):
        X = np.column_stack([rng.integers(1, 5, size=60), rng.normal(size=60)])
        y = X[:, 0] ** 2 + X[:, 1]
        model = make_pipeline(PolynomialFeatures(2), LinearRegression()).fit(X, y)
        display = PartialDerivativeDisplay.from_estimator(model, X, [0])
        (result,) = display.results
        np.testing.assert_array_equal(result.grid_values[0], [1, 2, 3, 4])
        np.testing.assert_allclose(result.average, [2, 4, 6, 8])

    def test_missing_cells_are_filled_by_the_grid(self, X):
        y = X["age"] ** 2
        steps = SimpleImputer(), PolynomialFeatures(2), LinearRegression()
        holes = X.copy()
        holes.loc[:5, "age"] = np.nan
        model = make_pipeline(*steps).fit(X, y)
        display = PartialDerivativeDisplay.from_estimator(model, holes, ["age"])
        (result,) = display.results
        (grid,) = result.grid_values
        ends = np.quantile(X["age"][6:], [0.05, 0.95])
        np.testing.assert_allclose(grid, np.linspace(*ends, 50))
        expected = np.broadcast_to(2 * grid, (60, 50))
        np.testing.assert_allclose(result.individual, expected, atol=1e-9)

    def test_rows_are_drawn_at_random(self, process, X):
        def drawn(**options):
            display = PartialDerivativeDisplay.from_estimator(
                process, X, ["age"], grid_resolution=3, **options
            )
            return display.results[0].observed[:, 0]

        some = drawn(subsample=20, random_state=1)
        assert len(some) == 20
        assert set(some) < set(X["age"])
        np.testing.assert_array_equal(some, drawn(subsample=20, random_state=1))
        assert set(some) != set(drawn(subsample=20, random_state=2))
        assert len(drawn(subsample=0.25)) == 15
        np.testing.assert_array_equal(drawn(subsample=None), X["age"])

    def test_what_is_beyond_the_data_is_marked(self, process, X):
        display = PartialDerivativeDisplay.from_estimator(
            process,
            X,
            ["age", ("age", "dose")],
            grid_resolution=8,
            percentiles=(0, 1),
            X_train=X[abs(X["age"]) < 0.8],
        )
        curve, pair = display.results
        for g in (0, 4, 7):
            moved = X.assign(age=curve.grid_values[0][g])
            score = extrapolation_score(process, moved, X_train=X[abs(X["age"]) < 0.8])
            np.testing.assert_array_equal(curve.is_beyond[:, g], score > 1)
        np.testing.assert_allclose(curve.share_beyond, curve.is_beyond.mean(axis=0))
        assert curve.share_beyond[0] == 1
        assert pair.share_beyond.shape == (5, 5)
        labels = display.figure_.legends[0].get_texts()
        assert any("beyond the training data" in text.get_text() for text in labels)

    def test_nothing_is_marked_where_the_data_are_unknown(self, process, X):
        display = PartialDerivativeDisplay.from_estimator(process, X, ["age"])
        assert display.results[0].is_beyond is None
        assert display.results[0].share_beyond is None

    def test_labels_and_lines(self, process, X):
        display = PartialDerivativeDisplay.from_estimator(
            process, X, ["age"], units=UNITS
        )
        (ax,) = display.axes_
        assert ax.get_xlabel() == "age [years]"
        assert ax.get_ylabel() == "∂y / ∂age [mmol / years]"
        assert display.figure_ is ax.figure
        counts = {"both": 52, "average": 2, "individual": 51}
        for kind, count in counts.items():  # one is the line at zero
            (ax,) = display.plot(kind=kind).axes_
            drawn = [line for line in ax.get_lines() if len(line.get_xdata())]
            assert len(drawn) == count
            assert bool(ax.collections[:-1]) == (kind != "individual")

    def test_panels_share_the_name_of_the_derivative(self, process, X):
        display = PartialDerivativeDisplay.from_estimator(
            process, X, ["age", "size"], units=UNITS, output_names=["yield"]
        )
        assert display.figure_.get_supylabel() == "derivative of yield"
        assert [ax.get_xlabel() for ax in display.axes_] == ["age [years]", "size"]
        given = plt.subplots(1, 2)[1]
        axes = display.plot(given).axes_
        assert list(axes) == list(given)
        assert axes[1].get_ylabel() == "∂yield / ∂size"

    @pytest.mark.parametrize("method", ["contour", "quiver"])
    def test_pair(self, process, X, method):
        display = PartialDerivativeDisplay.from_estimator(
            process, X, [("age", "dose")], units=UNITS, method=method, subsample=9
        )
        (ax,) = display.axes_
        assert ax.get_xlabel() == "age [years]"
        assert ax.get_ylabel() == "dose [mg]"
        if method == "contour":
            bar = [other for other in display.figure_.axes if other is not ax]
            assert bar[0].get_ylabel() == "∂y / ∂age [mmol / years]"
        else:
            (field,) = (c for c in ax.collections if hasattr(c, "U"))
            u, v = display.results[0].average
            widths = [np.ptp(grid) for grid in display.results[0].grid_values]
            angle = np.arctan2(v[1::3, 1::3] * widths[1], u[1::3, 1::3] * widths[0]).T
            np.testing.assert_allclose(np.arctan2(field.V, field.U), angle.ravel())

    def test_constant_surface_is_drawn(self, X):
        line = LinearRegression().fit(X, X["age"] - 2 * X["dose"])
        for method in ("contour", "quiver"):
            display = PartialDerivativeDisplay.from_estimator(
                line, X, [("age", "dose"), ("size", "age")], method=method
            )
            display.figure_.draw_without_rendering()

    def test_more_panels_than_fill_the_rows(self, X):
        names = ["x0", "x1", "x2", "x0"]
        display = PartialDerivativeDisplay.from_estimator(
            Known(), X.to_numpy(), names, target=0, grid_resolution=3
        )
        assert len(display.figure_.axes) == len(display.axes_) == 4

    def test_feature_that_is_mostly_one_number(self, rng):
        X = np.zeros((400, 1))
        X[:9, 0] = np.arange(1, 10)
        model = LinearRegression().fit(X, 2 * X[:, 0])
        display = PartialDerivativeDisplay.from_estimator(
            model, X, [0], grid_resolution=5
        )
        np.testing.assert_allclose(
            display.results[0].grid_values[0], np.linspace(0, 9, 5)
        )

    def test_feature_without_any_number_is_refused(self, X):
        holes = X.assign(age=np.nan)
        steps = SimpleImputer(), LinearRegression()
        model = make_pipeline(*steps).fit(X, X["age"])
        with pytest.raises(ValueError, match="'age' has no value that is known"):
            PartialDerivativeDisplay.from_estimator(model, holes, ["age"])

    def test_band_is_of_weighted_quantiles(self, rng):
        values = rng.normal(size=(50, 3))
        values[:, 2] = np.nan
        values[7, 1] = np.nan
        count = rng.integers(1, 4, size=50)
        found = weighted_quantiles(values, count.astype(float), (0.1, 0.5, 0.9))
        repeated = np.repeat(values, count, axis=0)
        for j in (0, 1):
            known = repeated[~np.isnan(repeated[:, j]), j]
            expected = np.quantile(known, (0.1, 0.5, 0.9), method="hazen")
            # a value of weight 3 is a point, three values are a step
            near = 3 / len(known)
            low = np.quantile(known, np.array((0.1, 0.5, 0.9)) - near)
            high = np.quantile(known, np.array((0.1, 0.5, 0.9)) + near)
            assert ((low <= found[:, j]) & (found[:, j] <= high)).all()
            one = weighted_quantiles(
                known[:, None], np.ones(len(known)), (0.1, 0.5, 0.9)
            )
            np.testing.assert_allclose(one[:, 0], expected)
        assert np.isnan(found[:, 2]).all()

    def test_made_by_hand(self, process, X):
        made = PartialDerivativeDisplay.from_estimator(process, X, ["age"])
        by_hand = PartialDerivativeDisplay(made.results, feature_names=NAMES).plot()
        one, other = (display.axes_[0].lines[-1] for display in (made, by_hand))
        np.testing.assert_allclose(one.get_ydata(), other.get_ydata())

    def test_feature_with_a_single_value(self, X):
        X = X.assign(size=2.0)
        line = LinearRegression().fit(X, X["age"])
        display = PartialDerivativeDisplay.from_estimator(line, X, ["size"])
        np.testing.assert_array_equal(display.results[0].grid_values[0], [2.0])
        with pytest.raises(ValueError, match=r"\['size'\] have a single value"):
            PartialDerivativeDisplay.from_estimator(line, X, [("age", "size")])

    def test_a_single_point_beyond_the_data_is_shaded(self, rng):
        X = np.repeat([[0.0], [1.0], [9.0]], [20, 20, 1], axis=0)
        X = np.column_stack([X, rng.normal(size=41)])
        line = LinearRegression().fit(X, X[:, 1])
        display = PartialDerivativeDisplay.from_estimator(
            line, X, [0], kind="individual", X_train=X[:40]
        )
        np.testing.assert_allclose(display.results[0].share_beyond, [0, 0, 1], atol=0.1)
        (shade,) = (c for c in display.axes_[0].collections if c.get_hatch())
        (path,) = shade.get_paths()
        assert (path.vertices[:, 0].min(), path.vertices[:, 0].max()) == (5.0, 9.0)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"features": "age"}, "must be a list"),
            ({"features": []}, "is empty"),
            ({"features": [("age", "age")]}, "a pair of different"),
            ({"features": [("age", "dose", "size")]}, "a pair of different"),
            ({"features": ["weight"]}, "There is no feature 'weight'"),
            ({"kind": "all"}, "`kind` must be one of"),
            ({"method": "surface"}, "`method` must be one of"),
            ({"grid_resolution": 1}, "from 2"),
            ({"grid_resolution": "fine"}, "from 2"),
            ({"percentiles": (0.9, 0.1)}, "the lower one first"),
            ({"percentiles": 0.1}, "the lower one first"),
            ({"subsample": 0}, "`subsample` must be"),
            ({"subsample": 1.5}, "`subsample` must be"),
            ({"ax": [None, None]}, "must hold 1 axes"),
        ],
    )
    def test_refusals(self, process, X, options, message):
        options = {"features": ["age"], "grid_resolution": 3} | options
        with pytest.raises(ValueError, match=message):
            PartialDerivativeDisplay.from_estimator(process, X, **options)

    def test_output_has_to_be_named_among_several(self, X):
        with pytest.raises(ValueError, match="Say which one by `target`"):
            PartialDerivativeDisplay.from_estimator(Known(), X, ["age"])


class TestHeatmap:
    @pytest.mark.parametrize("scale", [None, "features", "both"])
    @pytest.mark.parametrize("statistic", ["mean", "mean_abs", "rms"])
    def test_averages(self, X, statistic, scale):
        X, weight = X.to_numpy(), np.arange(1.0, 61)
        display = JacobianHeatmapDisplay.from_estimator(
            Known(), X, statistic=statistic, scale=scale, sample_weight=weight
        )
        J = truth(X)
        expected = {
            "mean": np.average(J, axis=0, weights=weight),
            "mean_abs": np.average(abs(J), axis=0, weights=weight),
            "rms": np.sqrt(np.average(J**2, axis=0, weights=weight)),
        }[statistic].T
        values = np.column_stack([np.sin(X[:, 0]) * X[:, 1] + X[:, 2] ** 2])
        values = np.column_stack([values, X[:, 0] * X[:, 1]])
        if scale is not None:
            expected *= np.sqrt(np.cov(X.T, aweights=weight, ddof=0).diagonal())[
                :, None
            ]
        if scale == "both":
            expected /= np.sqrt(np.cov(values.T, aweights=weight, ddof=0).diagonal())
        np.testing.assert_allclose(display.values, expected, atol=1e-12)
        assert display.column_names == ["y0", "y1"]
        assert display.is_signed == (statistic == "mean")

    def test_rows_are_in_the_order_of_predictions(self, X):
        X = X.to_numpy()
        display = JacobianHeatmapDisplay.from_estimator(
            Known(), X, target="y1", X_train=X[abs(X[:, 0]) < 0.5]
        )
        value = X[:, 0] * X[:, 1]
        order = np.argsort(value)
        np.testing.assert_allclose(display.predictions, value[order])
        np.testing.assert_allclose(display.values, truth(X)[order, 1].T, atol=1e-12)
        score = extrapolation_score(Known(), X[order], X_train=X[abs(X[:, 0]) < 0.5])
        np.testing.assert_array_equal(display.is_beyond, score > 1)
        assert "beyond the training data" in display.ax_.get_title()

    def test_of_many_rows_some_are_drawn(self, X):
        display = JacobianHeatmapDisplay.from_estimator(
            Known(), X.to_numpy(), target=0, max_rows=4, sample_weight=[0] + [1] * 59
        )
        value = Known()(torch.tensor(X.to_numpy()))[1:, 0].numpy()
        np.testing.assert_allclose(display.predictions, np.sort(value)[[0, 19, 39, 58]])

    @pytest.mark.parametrize("kind", ["rows", "outputs"])
    def test_category_has_no_colour(self, mixed, kind):
        model, X, _ = mixed
        display = JacobianHeatmapDisplay.from_estimator(
            model, X, kind=kind, scale="features"
        )
        assert np.isnan(display.values[1]).all()
        assert not np.isnan(display.values[[0, 2]]).any()
        words = [text.get_text() for text in display.ax_.texts]
        assert words.count("no derivative" if kind == "rows" else "none") == 1

    def test_numbers_and_labels(self, X):
        y = np.column_stack([X @ [1.0, -2.0, 0.001], X["age"]])
        line = LinearRegression().fit(X, y)
        display = JacobianHeatmapDisplay.from_estimator(
            line, X, units=UNITS, output_names=["risk", "cost"]
        )
        words = [text.get_text() for text in display.text_]
        assert words[:5] == ["1", "1", "-2", words[3], "0.001"]
        ticks = [text.get_text() for text in display.ax_.get_yticklabels()]
        assert ticks == ["age [years]", "dose [mg]", "size"]
        ticks = [text.get_text() for text in display.ax_.get_xticklabels()]
        assert ticks == ["risk", "cost"]
        assert display.im_.norm.vmin == -display.im_.norm.vmax
        assert display.im_.colorbar.ax.get_ylabel() == "mean derivative"

    def test_numbers_that_do_not_fit_are_left_out(self, rng):
        X = rng.normal(size=(50, 3))
        y = X @ rng.normal(size=(3, 80))
        line = LinearRegression().fit(X, y)
        display = JacobianHeatmapDisplay.from_estimator(line, X)
        assert display.text_ == []

    @pytest.mark.parametrize("kind", ["rows", "outputs"])
    def test_long_names_do_not_overlap(self, rng, kind):
        names = [f"mean concentration of the substance number {j}" for j in range(20)]
        X = pd.DataFrame(rng.normal(size=(40, 20)), columns=names)
        line = LinearRegression().fit(X, X[names[0]])
        display = JacobianHeatmapDisplay.from_estimator(line, X, kind=kind)
        display.figure_.draw_without_rendering()
        boxes = [t.get_window_extent() for t in display.ax_.get_yticklabels()]
        tops = np.array([(box.y0, box.y1) for box in boxes])
        assert (tops[:-1, 0] >= tops[1:, 1] - 1).all()
        assert min(box.x0 for box in boxes) >= 0
        texts = [t.get_text() for t in display.ax_.get_yticklabels()]
        assert len(set(texts)) == 20

    def test_given_axes(self, X):
        ax = plt.subplots()[1]
        display = JacobianHeatmapDisplay.from_estimator(
            Known(), X.to_numpy(), target=0, ax=ax
        )
        assert display.ax_ is ax
        assert display.figure_ is ax.figure

    @pytest.mark.parametrize(
        "options", [{"kind": "columns"}, {"statistic": "max"}, {"scale": True}]
    )
    def test_refusals(self, X, options):
        with pytest.raises(ValueError, match="must be one of"):
            JacobianHeatmapDisplay.from_estimator(Known(), X.to_numpy(), **options)
        with pytest.raises(ValueError, match="`max_rows` must be an integer from 1"):
            JacobianHeatmapDisplay.from_estimator(
                Known(), X.to_numpy(), target=0, max_rows=0
            )

    def test_one_output_of_several(self, X):
        display = JacobianHeatmapDisplay.from_estimator(
            Known(), X.to_numpy(), kind="outputs", target="y1"
        )
        mean = truth(X)[:, 1].mean(axis=0)
        np.testing.assert_allclose(display.values[:, 0], mean, atol=1e-12)
        assert display.column_names == ["y1"]

    def test_made_by_hand(self):
        display = JacobianHeatmapDisplay(np.eye(3), feature_names=NAMES).plot()
        assert display.ax_.get_xlabel() == "rows, by their prediction of y"

    def test_constant_predictions_have_no_scale(self, X):
        line = LinearRegression().fit(X, np.ones(60))
        line.coef_ = np.zeros(3)
        with pytest.raises(ValueError, match=r"\['y'\] do not vary"):
            JacobianHeatmapDisplay.from_estimator(line, X, scale="both")

    def test_linnerud(self):
        X, y = load_linnerud(return_X_y=True, as_frame=True)
        line = LinearRegression().fit(X, y)
        display = JacobianHeatmapDisplay.from_estimator(
            line, X, output_names=y.columns, scale="both"
        )
        expected = line.coef_.T * X.std(ddof=0).to_numpy()[:, None]
        expected /= line.predict(X).std(axis=0)
        np.testing.assert_allclose(display.values, expected)


class TestDerivativeCheck:
    def test_against_the_truth(self, X):
        X = X.to_numpy()
        rng = np.random.default_rng(1)
        true = truth(X)[:, 0] + 0.3 * rng.normal(size=(60, 3))
        true[:4, 1] = np.nan
        weight = np.arange(60.0)
        display = DerivativeCheckDisplay.from_estimator(
            Known(),
            X,
            jacobian=np.stack([true, np.full_like(true, np.nan)], axis=1),
            target=0,
            sample_weight=weight,
        )
        for j, result in enumerate(display.results):
            known = (weight > 0) & ~np.isnan(true[:, j])
            at, found, w = true[known, j], truth(X)[known, 0, j], weight[known]
            np.testing.assert_allclose(result.true, at)
            np.testing.assert_allclose(result.predicted, found, atol=1e-12)
            r2 = r2_score(at, found, sample_weight=w)
            assert result.r2 == pytest.approx(r2)
            assert result.relative_rmse == pytest.approx(np.sqrt(1 - r2))
            rmse = np.sqrt(np.average((at - found) ** 2, weights=w))
            assert result.rmse == pytest.approx(rmse)
            assert result.floor == 0
            text = f"x{j}\nrelative RMSE {np.sqrt(1 - r2):.3g}, R² {r2:.3f}"
            assert display.axes_[j].get_title() == text

    def test_from_predictions_is_the_same(self, X):
        X = X.to_numpy()
        J = truth(X)
        rough = J + 0.1
        one = DerivativeCheckDisplay.from_predictions(rough, J, target=1)
        other = DerivativeCheckDisplay.from_estimator(
            Known(), X, jacobian=rough, target="y1"
        )
        for a, b in zip(one.results, other.results, strict=True):
            np.testing.assert_allclose(a.true, b.true)
            assert a.rmse == pytest.approx(0.1)
            assert b.rmse == pytest.approx(0.1)

    def test_labels_of_a_frame_and_marks(self, X):
        J = pd.DataFrame(truth(X)[:, 0], columns=NAMES)
        flag = np.arange(60) < 7
        display = DerivativeCheckDisplay.from_predictions(
            J, J, is_beyond=flag, units=UNITS, output_name="y"
        )
        assert display.results[0].is_beyond.sum() == 7
        titles = [ax.get_title().split("\n") for ax in display.axes_]
        assert [t[0] for t in titles] == [
            "age [mmol / years]",
            "dose [mmol / mg]",
            "size",
        ]
        assert titles[0][1] == "relative RMSE 0, R² 1.000"
        assert display.figure_.get_supxlabel() == "true derivative of y"
        crosses = [line for line in display.axes_[0].lines if line.get_marker() == "x"]
        assert len(crosses[0].get_xdata()) == 7

    def test_true_derivative_of_zero(self, X):
        J = truth(X)[:, 1]
        display = DerivativeCheckDisplay.from_predictions(J, J + 0.5)
        assert display.axes_[2].get_title() == "x2\nRMSE 0.5, true slope 0"

    def test_secants_in_one_dimension_are_quotients_of_differences(self, rng):
        X, y = rng.normal(size=(40, 1)), rng.normal(size=40)
        line = LinearRegression().fit(X, y)
        display = DerivativeCheckDisplay.from_estimator(line, X, y, step=0.4)
        (result,) = display.results
        quotients = np.subtract.outer(y, y) / (
            np.subtract.outer(X[:, 0], X[:, 0]) + np.eye(40)
        )
        for slope in result.true:
            assert abs(quotients - slope).min() < 1e-10
        np.testing.assert_allclose(result.predicted, line.coef_[0])
        # every row has a partner, and pairs count once
        assert 20 <= len(result.true) <= 40
        distance = np.sqrt(2 * result.weight)
        assert 0.2 < np.median(distance) / X.std() < 0.8

    def test_secants_of_exact_data_agree_with_an_exact_derivative(self, rng):
        X = rng.uniform(-1, 1, size=(400, 2))
        y = np.exp(X[:, 0]) * (1 + X[:, 1])
        model = make_pipeline(PolynomialFeatures(8), LinearRegression()).fit(X, y)
        display = DerivativeCheckDisplay.from_estimator(model, X, y, step=0.2)
        for result in display.results:
            assert result.relative_rmse < 0.02
            assert result.floor < 1e-3

    def test_floor_is_what_noise_does(self, rng):
        X = rng.uniform(-1, 1, size=(600, 2))
        y = 2 * X[:, 0] ** 2 + X[:, 0] * X[:, 1]
        model = make_pipeline(PolynomialFeatures(2), LinearRegression()).fit(X, y)
        noisy = y + 0.1 * rng.normal(size=600)
        known, estimated = (
            DerivativeCheckDisplay.from_estimator(model, X, noisy, noise_std=std)
            for std in (0.1, None)
        )
        for one, other in zip(known.results, estimated.results, strict=True):
            assert 0.8 < one.relative_rmse / one.floor < 1.2
            assert other.floor == pytest.approx(one.floor, rel=0.1)
            # each pair's error, in its own standard deviations
            z = (one.true - one.predicted) / one.noise_std
            assert 0.85 < z.std() < 1.15

    def test_wrong_derivative_stands_out(self, rng):
        X = rng.uniform(-1, 1, size=(400, 2))
        y = np.sin(4 * X[:, 0]) + X[:, 1] + 0.02 * rng.normal(size=400)
        line = LinearRegression().fit(X, y)
        display = DerivativeCheckDisplay.from_estimator(line, X, y, step=0.2)
        first, second = display.results
        assert first.relative_rmse > 0.9
        assert first.floor < 0.4 * first.relative_rmse
        assert second.relative_rmse > 0.5  # its pairs hold what the first gets wrong

    def test_overfit_stands_out_on_rows_of_its_own(self, rng):
        X = rng.uniform(size=(150, 1))
        y = 3 * X[:, 0] + 0.1 * rng.normal(size=150)
        process = GaussianProcessRegressor(RBF(0.02), alpha=1e-6, optimizer=None)
        display = DerivativeCheckDisplay.from_estimator(process.fit(X, y), X, y)
        (result,) = display.results
        assert result.relative_rmse > 5
        assert result.floor < 0.5 * result.relative_rmse

    def test_pairs_agree_in_categories(self, mixed):
        model, X, y = mixed
        y = y + 100.0 * (X["sort"] == "a")  # steps that would spoil any slope
        lonely = X.index[X["sort"] == "c"][1:]  # the one that is left has no partner
        X, y = X.drop(lonely), y.drop(lonely)
        display = DerivativeCheckDisplay.from_estimator(model, X, y, features=["age"])
        (result,) = display.results
        assert len(result.true) > 20
        np.testing.assert_allclose(result.true, result.predicted, atol=1e-8)
        assert display.feature_names[result.feature] == "age"

    def test_weights_of_secants(self, rng):
        X, y = rng.normal(size=(30, 1)), rng.normal(size=30)
        line = LinearRegression().fit(X, y)
        weight = np.r_[np.zeros(10), np.full(20, 4.0)]
        some = DerivativeCheckDisplay.from_estimator(line, X, y, sample_weight=weight)
        rest = DerivativeCheckDisplay.from_estimator(line, X[10:], y[10:])
        np.testing.assert_allclose(some.results[0].true, rest.results[0].true)
        np.testing.assert_allclose(some.results[0].weight, 4 * rest.results[0].weight)

    def test_rows_with_missing_numbers_make_no_pairs(self, X):
        y = X.to_numpy() @ [1.0, 2.0, 3.0]
        model = make_pipeline(SimpleImputer(), LinearRegression()).fit(X, y)
        holes = X.copy()
        holes.iloc[:20, 1] = np.nan
        y[25] = np.nan
        display = DerivativeCheckDisplay.from_estimator(model, holes, y)
        for j, result in enumerate(display.results):
            np.testing.assert_allclose(result.true, j + 1.0)

    def test_midpoints_beyond_the_data_are_marked(self, process, X):
        y = process.predict(X)
        display = DerivativeCheckDisplay.from_estimator(
            process, X, y, X_train=X[abs(X["age"]) < 0.5]
        )
        assert 0 < display.results[0].is_beyond.mean() < 1

    def test_output_of_several(self, X):
        X = X.to_numpy()
        values = Known()(torch.tensor(X)).numpy()
        display = DerivativeCheckDisplay.from_estimator(Known(), X, values, target=1)
        assert [result.feature for result in display.results] == [0, 1, 2]
        assert display.output_name == "y1"
        assert display.results[2].rmse < 0.5

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "nothing to hold the derivatives against"),
            ({"y": np.ones(59)}, r"`y` must have the shape \(60,\)"),
            ({"jacobian": np.ones((60, 2))}, "`jacobian` must have the shape"),
            ({"jacobian": np.full((60, 3), np.nan)}, "for every feature"),
            ({"y": np.full(60, np.nan)}, "at least two rows"),
        ],
    )
    def test_refusals(self, process, X, options, message):
        with pytest.raises(ValueError, match=message):
            DerivativeCheckDisplay.from_estimator(process, X, **options)

    def test_refusals_of_predictions(self):
        J = np.ones((5, 2, 3))
        for true, pred, options, message in (
            (J, J, {}, "Say which one by `target`"),
            (J, J, {"target": 2}, "There is no output 2"),
            (J[:, 0], J, {}, "`jacobian_pred` must have the shape"),
            (J[:, 0, 0], J, {}, "`jacobian_true` must have the shape"),
            (J[:, 0], J[:, 0], {"is_beyond": [True]}, "inconsistent numbers"),
            (J[:, 0], J[:, 0], {"feature_names": ["a"]}, "must have 3 names"),
        ):
            with pytest.raises(ValueError, match=message):
                DerivativeCheckDisplay.from_predictions(true, pred, **options)

    def test_category_has_nothing_to_compare(self, mixed):
        model, X, y = mixed
        with pytest.raises(ValueError, match=r"\['sort'\]"):
            DerivativeCheckDisplay.from_estimator(model, X, y, features=["sort"])
