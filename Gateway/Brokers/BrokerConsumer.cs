using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Gateway.Api;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Gateway.Brokers;

/// <summary>
/// Keeps one source of a broker going: connects again whatever happens, and hands what comes to the customers. A message is done when every event in it has its
/// receipt or is in quarantine; if only some are, all of it comes again, and those are recognised.
/// </summary>
/// <param name="read">Makes events of a message's body.</param>
internal sealed class BrokerConsumer(
    string workspace, Source source, IBroker broker, Func<ReadOnlyMemory<byte>, DateTimeOffset, IReadOnlyList<ParsedEvent>> read,
    Intake intake, TimeProvider time, ILogger logger) : IMessageSink
{
    private static readonly TimeSpan ConnectPauseMin = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ConnectPauseMax = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan RoomPauseMin = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan RoomPauseMax = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long events wait here for room before their messages go back: a broker takes long silence for a dead consumer, and each new delivery brings a message
    /// nearer to its limit.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Printable, and short enough for a header.</summary>
    private const int ReasonLengthMax = 512;

    private readonly string name = $"{workspace}/{source.Id}";
    private TimeSpan connectPause = ConnectPauseMin;
    private bool isConnected;

    /// <summary>Ends when it is told to, and then only.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await broker.ConsumeAsync(this, stopping);
            }
            catch (Exception failure)
            {
                if (stopping.IsCancellationRequested)
                    return;
                GatewayInstruments.OnBrokerFailed(name);
                logger.BrokerLost(name, Describe(failure), connectPause);
            }
            finally
            {
                if (isConnected)
                    GatewayInstruments.OnBrokerConnected(name, -1);
                isConnected = false;
            }
            await PauseAsync(connectPause, stopping);
            connectPause = Longer(connectPause, ConnectPauseMax);
        }
    }

    public void OnConnected()
    {
        isConnected = true;
        GatewayInstruments.OnBrokerConnected(name, 1);
    }

    public void OnLag(long messages)
    {
        GatewayInstruments.OnBrokerLag(name, messages);
        // Whoever answers questions is well.
        connectPause = ConnectPauseMin;
    }

    public async Task<Verdict[]> TakeAsync(IReadOnlyList<BrokerMessage> batch, CancellationToken stopping)
    {
        var verdicts = new Verdict[batch.Count];
        for (var first = 0; first < batch.Count;)
        {
            var events = new List<(int Message, ParsedEvent Event)>();
            var next = first;
            // A message is not divided: its events are counted after it is in.
            for (; next < batch.Count && events.Count < Limits.EventsMax; next++)
            {
                if (Read(batch[next].Body, out var parsed) is { } defect)
                    verdicts[next] = new(MessageFate.Refused, defect);
                else
                    events.AddRange(parsed.Select(one => (next, one)));
            }
            await TakeAsync(events, verdicts, stopping);
            first = next;
        }
        connectPause = ConnectPauseMin;
        GatewayInstruments.OnBrokerSettled(name, batch, verdicts);
        return verdicts;
    }

    /// <summary>Offers events until all have a receipt, or there is no time left.</summary>
    private async Task TakeAsync(List<(int Message, ParsedEvent Event)> events, Verdict[] verdicts, CancellationToken stopping)
    {
        var start = time.GetTimestamp();
        for (var pause = RoomPauseMin; events.Count > 0; pause = Longer(pause, RoomPauseMax))
        {
            var taken = await intake.TakeAsync(workspace, [.. events.Select(static one => one.Event)], Door.Of(source));
            GatewayInstruments.OnEventsTaken("broker", taken);
            var open = new List<(int Message, ParsedEvent Event)>();
            for (var index = 0; index < taken.Length; index++)
            {
                if (taken[index].Fate != Fate.Answered)
                    open.Add(events[index]);
                else if (taken[index] is { Quarantined: null, Receipt: { Status: ReceiptStatus.Rejected or ReceiptStatus.Conflict } refusal })
                    verdicts[events[index].Message] = new(MessageFate.Refused, Printable(refusal.Detail ?? "The event was refused."));
            }
            events = open;
            if (events.Count == 0)
                return;
            if (stopping.IsCancellationRequested || time.GetElapsedTime(start) >= Patience)
                break;
            logger.BrokerWaitsForRoom(name, events.Count, pause);
            await PauseAsync(pause, stopping);
        }
        foreach (var (message, _) in events)
            verdicts[message] = new(MessageFate.Again);
    }

    /// <returns>Why nothing can be made of it; null where something can.</returns>
    private string? Read(ReadOnlyMemory<byte> body, out IReadOnlyList<ParsedEvent> events)
    {
        events = [];
        if (body.Length > Limits.RequestBytesMax)
            return $"The message is larger than {Limits.RequestBytesMax} bytes.";
        try
        {
            events = read(body, time.GetUtcNow());
            return null;
        }
        catch (JsonException invalid)
        {
            return Printable($"The message {JsonDefects.Describe(invalid)}.");
        }
        catch (BadHttpRequestException invalid)
        {
            return Printable(invalid.Message);
        }
    }

    /// <summary>Consumers of one broker that was away need not all come back at once.</summary>
    private async Task PauseAsync(TimeSpan pause, CancellationToken stopping) =>
        await Task.Delay(pause * (1 + (Random.Shared.NextDouble() / 4)), time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private static TimeSpan Longer(TimeSpan pause, TimeSpan most) => pause * 2 < most ? pause * 2 : most;

    /// <summary>Libraries wrap what went wrong, and what says most lies innermost.</summary>
    private static string Describe(Exception failure) => Printable($"{failure.GetBaseException().GetType().Name}: {failure.GetBaseException().Message}");

    private static string Printable(string text) =>
        string.Concat(text.Take(ReasonLengthMax).Select(static character => char.IsControl(character) || char.IsSurrogate(character) ? ' ' : character));
}
