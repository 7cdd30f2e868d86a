using System.Text;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Silo.Tests.Senders;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

public sealed class TelemetryTests
{
    private static readonly string[] Metrics =
    [
        "personalize.events", "personalize.decisions", "personalize.sends", "personalize.journal.commit.size", "personalize.journal.commit.duration",
        "personalize.decision.latency", "personalize.deadline.lateness", "personalize.activations", "personalize.gateway.events",
    ];

    [Fact]
    public async Task Metrics_and_spans_are_exported_by_otlp_where_an_endpoint_is_configured()
    {
        using var directory = new TemporaryDirectory();
        await using var collector = await Receiver.Answering(200);
        await using var process = SiloProcess.Serve(
            directory.Path,
            ("OTEL_EXPORTER_OTLP_ENDPOINT", $"http://127.0.0.1:{collector.Port}"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "250"));
        var silo = await process.ReadyAsync();
        await silo.PutAsync("senders/log", """{"type":"log","channel":"email"}""");
        await silo.PutAsync("triggers/wait", """{"on":{"event":"Product Added"},"wait":{"for":"PT0.2S"},"send":{"sender":"log"}}""");
        await silo.PutAsync("triggers/now", """{"on":{"event":"Order Completed"},"send":{"sender":"log"}}""");
        await silo.PostAsync(Api.Event("ada", "Product Added"), Api.Event("bob", "Order Completed"));

        await Eventually.TrueAsync(() => Metrics.All(name => Exported("/v1/metrics", name)), () =>
            $"all metrics are exported; missing: {string.Join(", ", Metrics.Where(name => !Exported("/v1/metrics", name)))}\n{process.Output}");
        await process.TerminateAsync();
        Assert.All(["customer.apply", "send.deliver", "orleans-personalize"], name => Assert.True(Exported("/v1/traces", name), $"{name} is not among the spans."));

        bool Exported(string path, string name) =>
            collector.Requests.Any(request => request.Path == path && request.Body.AsSpan().IndexOf(Encoding.UTF8.GetBytes(name)) >= 0);
    }
}
