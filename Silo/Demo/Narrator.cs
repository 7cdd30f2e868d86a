using System.Collections.Concurrent;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Silo.Demo;

/// <summary>Reads along in the journal and says what was decided and why.</summary>
internal sealed class Narrator(DemoSettings settings, IJournal journal, TimeProvider clock) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly ConcurrentDictionary<string, string> triggerOf = new();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var position = 0L;
        while (!stoppingToken.IsCancellationRequested)
        {
            await foreach (var entry in journal.ReadAllAsync(position, stoppingToken))
            {
                position = entry.Position;
                foreach (var fact in FactCodec.Decode(entry.Record.Payload))
                {
                    if (Tell(fact) is { } story)
                        await settings.Console.WriteLineAsync(
                            $"  {entry.Record.RecordedAt.ToLocalTime():HH:mm:ss}  {CustomerKey.Parse(entry.Customer).CustomerId,-9} {story}");
                }
            }
            await Task.Delay(Pause, clock, stoppingToken);
        }
    }

    private string? Tell(Fact fact)
    {
        switch (fact)
        {
            case Fact.EventApplied { Event: { Name: { } name } happened }:
                return $"  {name}{Detail(happened)}";
            case Fact.WaitArmed wait:
                return $"    … {wait.Trigger} waits until {wait.Deadline.ToLocalTime():HH:mm:ss}";
            case Fact.Decided { IsSend: true } decided:
                triggerOf[decided.DecisionId] = decided.Trigger;
                return $"  ● {decided.Trigger}: send";
            case Fact.Decided decided:
                return $"  ○ {decided.Trigger}: not sent, {decided.Reason}{(decided.Detail is null ? "" : $" ({decided.Detail})")}";
            case Fact.SendSettled settled:
                var trigger = triggerOf.GetValueOrDefault(settled.DecisionId, "send");
                return $"  {(settled.State == SendState.Sent ? "✉" : "○")} {trigger}: {settled.State.ToString().ToLowerInvariant()}{(settled.Reason is null ? "" : $", {settled.Reason}")}";
            default:
                return null;
        }
    }

    private static string Detail(CustomerEvent happened) =>
        (Json.Find(happened.Properties, "name"), Json.Find(happened.Properties, "total")) switch
        {
            ({ Kind: ScalarKind.Text } product, _) => $": {product.Text}",
            (_, { Kind: ScalarKind.Number } total) => $": {total} EUR",
            _ => "",
        };
}
