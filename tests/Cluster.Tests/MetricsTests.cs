using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Diagnostics;
using Orleans.Personalize.Gateway;

namespace Orleans.Personalize.Cluster.Tests;

public sealed class MetricsTests
{
    private const string Dashboard = "docker/observability/grafana/dashboards/personalize.json";
    private const string Alerts = "docker/observability/alerts.yaml";

    [Fact]
    public async Task The_dashboard_and_the_alerts_ask_for_metrics_that_are_exported()
    {
        var exported = (await InstrumentsAsync()).SelectMany(PrometheusNames).ToHashSet();
        // Prometheus' own: whether it reached the collector.
        exported.Add("up");
        var asked = DashboardQueries().Concat(AlertRules().Select(rule => rule.Text("expr")!)).SelectMany(MetricsIn).Distinct().Order().ToList();
        Assert.Contains("personalize_journal_commit_duration_seconds_bucket", asked);
        Assert.Contains("http_server_request_duration_seconds_count", asked);
        Assert.Empty(asked.Except(exported));
    }

    [Fact]
    public async Task Every_metric_of_ours_is_on_the_dashboard()
    {
        var shown = DashboardQueries().SelectMany(MetricsIn).ToHashSet();
        var ours = (await InstrumentsAsync()).Where(instrument => instrument.Meter.Name == Instruments.Name).ToList();
        Assert.True(ours.Count >= 12);
        Assert.All(ours, instrument => Assert.True(PrometheusNames(instrument).Any(shown.Contains), $"{instrument.Name} has no panel"));
    }

    [Fact]
    public async Task Durations_are_told_apart_below_the_second()
    {
        var durations = (await InstrumentsAsync()).Where(instrument => instrument.Meter.Name == Instruments.Name && instrument.Unit == "s").Cast<Histogram<double>>().ToList();
        Assert.Equal(3, durations.Count);
        Assert.All(durations, duration => Assert.True(duration.Advice?.HistogramBucketBoundaries?.Count(bound => bound < 1) >= 5, duration.Name));
    }

    [Fact]
    public void Panels_have_distinct_numbers_and_the_provisioned_data_source()
    {
        var panels = JsonNode.Parse(Repository.Read(Dashboard)).Items("panels").ToList();
        Assert.Distinct(panels.Select(panel => panel["id"]!.GetValue<int>()));
        var sources = Assert.Single(Repository.Yaml(Repository.Read("docker/observability/grafana/provisioning/datasources/prometheus.yaml"))).Items("datasources");
        var source = Assert.Single(sources).Text("uid");
        Assert.All(panels.Where(panel => panel.Text("type") != "row"), panel =>
        {
            Assert.Equal(source, panel.Text("datasource.uid"));
            Assert.NotEmpty(panel.Items("targets"));
        });
    }

    [Fact]
    public void Every_alert_is_explained_in_the_guide()
    {
        var guide = Repository.Read("docs/operations.md");
        Assert.All(AlertRules(), rule => Assert.Contains($"`{rule.Text("alert")}`", guide, StringComparison.Ordinal));
    }

    private static IEnumerable<string> DashboardQueries()
    {
        var dashboard = JsonNode.Parse(Repository.Read(Dashboard));
        return dashboard.Items("panels").SelectMany(panel => panel.Items("targets")).Select(target => target.Text("expr")!)
            .Concat(dashboard.Items("templating.list").Select(variable => variable.Text("query.query")!));
    }

    private static IEnumerable<JsonNode> AlertRules() =>
        Assert.Single(Repository.Yaml(Repository.Read(Alerts))).Items("groups").SelectMany(group => group.Items("rules"));

    /// <summary>The metrics in a PromQL expression: what is left of its names without labels, ranges, groupings, functions and keywords.</summary>
    private static IEnumerable<string> MetricsIn(string expression)
    {
        var bare = Regex.Replace(expression, @"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring)\s*\([^)]*\)|,\s*\w+\)$", " ");
        return Regex.Matches(bare, @"\b(?>[a-zA-Z_:][\w:]*)(?!\s*\()").Select(match => match.Value).Where(name => name is not ("or" or "and" or "unless"));
    }

    /// <summary>
    /// The series that the collector's Prometheus exporter makes of an instrument
    /// (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#otlp-metric-points-to-prometheus).
    /// </summary>
    private static string[] PrometheusNames(Instrument instrument)
    {
        var unit = instrument.Unit switch
        {
            "s" => "_seconds",
            "By" => "_bytes",
            null or "" or ['{', ..] => "",
            var other => throw new NotSupportedException($"{instrument.Name} has the unit {other}: add the rule for it"),
        };
        var name = instrument.Name.Replace('.', '_') + unit;
        return instrument.GetType().Name.Split('`')[0] switch
        {
            "Counter" or "ObservableCounter" => [name + "_total"],
            "Histogram" => [name + "_bucket", name + "_sum", name + "_count"],
            _ => [name],
        };
    }

    /// <summary>Every instrument that a silo exports and that exists after one request.</summary>
    private static async Task<IReadOnlyList<Instrument>> InstrumentsAsync()
    {
        string[] meters = [Instruments.Name, "Microsoft.AspNetCore.Hosting", "System.Runtime"];
        var instruments = new List<Instrument>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                lock (instruments)
                    if (meters.Contains(instrument.Meter.Name))
                        instruments.Add(instrument);
            },
        };
        listener.Start();
        RuntimeHelpers.RunClassConstructor(typeof(Instruments).TypeHandle);
        RuntimeHelpers.RunClassConstructor(typeof(GatewayOptions).Assembly.GetType("Orleans.Personalize.Gateway.GatewayInstruments", throwOnError: true)!.TypeHandle);
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        app.MapGet("/", () => "");
        await app.StartAsync();
        using var client = new HttpClient();
        await client.GetStringAsync(app.Urls.Single());
        lock (instruments)
            return [.. instruments.DistinctBy(instrument => (instrument.Meter.Name, instrument.Name))];
    }
}
