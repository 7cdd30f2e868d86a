using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Brokers;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Senders;
using Orleans.Personalize.Senders.Http;

namespace Orleans.Personalize.Sources;

/// <summary>Asks REST APIs: one GET a call, guarded as the senders are, with one deadline for the whole answer.</summary>
internal sealed class HttpPoller(SourceIntake intake, SourceOptions options, TimeProvider clock, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
    : IPoller, IDisposable
{
    /// <summary>A longer answer is not read: pages are for that.</summary>
    private const int BodyBytesMax = 4 * 1024 * 1024;

    private const int CursorLengthMax = 1024;

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan RetryAfterMax = TimeSpan.FromHours(1);

    private readonly HttpMessageInvoker invoker = new(Handler(options, resolve));

    public async Task<PollPlan?> PlanAsync(string workspace, string source) =>
        await intake.FindAsync(workspace, source) is { Type: "poll" } found ? new(Read(found).Url.AbsoluteUri, Read(found).Interval) : null;

    public async Task<PollOutcome> PollAsync(string workspace, string source, PollPosition position, CancellationToken cancellation)
    {
        if (await intake.FindAsync(workspace, source) is not { } found)
            return new(position, Error: "The source is gone.");
        var settings = Read(found);
        using var deadline = new CancellationTokenSource(settings.Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        try
        {
            using var request = Request(settings, position);
            using var response = await invoker.SendAsync(request, either.Token);
            if (response.StatusCode == HttpStatusCode.NotModified)
                return new(position);
            if (response.StatusCode != HttpStatusCode.OK)
                return new(position, Error: $"Answered {(int)response.StatusCode}.", RetryAfter: RetryAfter(response));
            if (await BodyAsync(response, either.Token) is not { } body)
                return new(position, Error: $"The answer is longer than {BodyBytesMax} bytes.");
            using var json = ItemFormats.Parse(body);
            return await TakeAsync(workspace, found, settings, position, response.Headers.ETag?.ToString(), json.RootElement);
        }
        catch (HttpRequestException fault)
        {
            return new(position, Error: fault.GetBaseException() is TargetRefusedException refusal ? refusal.Message : $"No answer: {fault.HttpRequestError}.");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new(position, Error: $"No answer within {settings.Timeout}.");
        }
        catch (Exception invalid) when (invalid is JsonException or BadHttpRequestException or IOException)
        {
            return new(position, Error: $"The answer is of no use: {invalid.Message}");
        }
    }

    public void Dispose() => invoker.Dispose();

    private async Task<PollOutcome> TakeAsync(
        string workspace, Source source, PollSettings settings, PollPosition position, string? etag, JsonElement answer)
    {
        if (JsonPath.Find(answer, settings.Items) is not { ValueKind: JsonValueKind.Array } items)
            return new(position, Error: $"The answer has no array at '{settings.Items}'.");
        var taken = await intake.TakeAsync(workspace, source, items, settings.Items);
        if (!taken.IsDurable)
            return new(position, Error: taken.Reason);
        var next = CursorOf(settings, answer, items) ?? position.Cursor;
        // Another cursor is another question, to which the tag is no answer.
        var moved = next != position.Cursor;
        return new(new(next, moved ? null : etag), HasMore: moved && items.GetArrayLength() > 0, taken.Events, taken.Refused, taken.Reason);
    }

    private static string? CursorOf(PollSettings settings, JsonElement answer, JsonElement items)
    {
        if (settings.CursorFrom is null)
            return null;
        var place = settings.IsCursorOfItem ? items.GetArrayLength() > 0 ? items[items.GetArrayLength() - 1] : default : answer;
        var found = place.ValueKind == JsonValueKind.Undefined ? null : JsonPath.Find(place, settings.CursorFrom);
        var text = found?.ValueKind switch
        {
            JsonValueKind.String => found.Value.GetString(),
            JsonValueKind.Number => found.Value.GetRawText(),
            _ => null,
        };
        return text is { Length: > 0 and <= CursorLengthMax } ? text : null;
    }

    private static HttpRequestMessage Request(PollSettings settings, PollPosition position)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, settings.At(position.Cursor));
        request.Headers.UserAgent.ParseAdd(SenderHttp.UserAgent);
        request.Headers.Accept.ParseAdd("application/json");
        if (settings.Authorization is { } authorization)
            request.Headers.TryAddWithoutValidation(settings.Header, authorization);
        if (EntityTagHeaderValue.TryParse(position.ETag, out var etag))
            request.Headers.IfNoneMatch.Add(etag);
        return request;
    }

    /// <returns>Null where it is too long.</returns>
    private static async Task<ReadOnlyMemory<byte>?> BodyAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[16 * 1024];
        var length = 0;
        for (int read; (read = await stream.ReadAsync(buffer.AsMemory(length), cancellation)) > 0;)
        {
            length += read;
            if (length > BodyBytesMax)
                return null;
            if (length == buffer.Length)
                Array.Resize(ref buffer, Math.Min(buffer.Length * 2, BodyBytesMax + 1));
        }
        return buffer.AsMemory(0, length);
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var wait = response.Headers.RetryAfter?.Delta ?? response.Headers.RetryAfter?.Date - clock.GetUtcNow();
        return wait > RetryAfterMax ? RetryAfterMax : wait;
    }

    /// <exception cref="ArgumentException">The document is no longer valid: what is allowed has changed.</exception>
    private PollSettings Read(Source source)
    {
        var errors = new List<DocumentError>();
        var settings = PollSettings.Read(new(source.Document, "", errors), options.AllowPrivateTargets);
        return errors is [var error, ..] ? throw new ArgumentException($"{error.Pointer} {error.Detail}", nameof(source)) : settings;
    }

    private static SocketsHttpHandler Handler(SourceOptions options, Func<string, CancellationToken, Task<IPAddress[]>>? resolve) =>
        new GuardedConnector(options.AllowPrivateTargets, resolve ?? Dns.GetHostAddressesAsync).Handler(ConnectTimeout);
}
