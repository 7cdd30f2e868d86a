using System.Buffers;
using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <summary>
/// A customer as it changes, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) and over WebSocket (RFC 6455).
/// </summary>
internal static class LiveApi
{
    /// <summary>A peer that is gone without a word is noticed within half a minute.</summary>
    public static readonly WebSocketOptions WebSockets = new() { KeepAliveInterval = TimeSpan.FromSeconds(15), KeepAliveTimeout = TimeSpan.FromSeconds(15) };

    public static void Map(IEndpointRouteBuilder routes)
    {
        var customers = routes.MapGroup("/v1/customers/{id}").WithTags("Customers");
        customers.MapGet("/live", StreamAsync)
            .WithSummary("A customer's profile and new facts as they change, as server-sent events")
            .WithDescription("Events: profile, facts, erased. The id is the version; Last-Event-ID resumes.")
            .Produces<string>(contentType: "text/event-stream")
            .ProducesProblems(400, 404, 429, 503)
            .Require(Access.Read);
        customers.MapGet("/live/ws", SocketAsync)
            .WithSummary("The same over WebSocket, a JSON message each: event, version, data")
            .Produces(StatusCodes.Status101SwitchingProtocols)
            .ProducesProblems(400, 404, 426, 429, 503)
            .Require(Access.Read);
    }

    private static Task<IResult> StreamAsync(HttpContext http, Live live, string id, long? after = null)
    {
        // A client that resumes knows better than the address it was given at first.
        if (long.TryParse(http.Request.Headers["Last-Event-ID"], NumberStyles.None, CultureInfo.InvariantCulture, out var last))
            after = last;
        return live.ServeAsync(http, id, segmentsAfterId: 1, after, async (messages, _) =>
        {
            http.Response.ContentType = "text/event-stream";
            http.Response.Headers.CacheControl = "no-cache, no-store";
            // Otherwise nginx keeps events back until it has a buffer full of them.
            http.Response.Headers["X-Accel-Buffering"] = "no";
            http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            await foreach (var message in messages)
            {
                Write(http.Response.BodyWriter, message);
                await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
            }
        });
    }

    private static async Task<IResult> SocketAsync(HttpContext http, Live live, string id, long? after = null)
    {
        if (!http.WebSockets.IsWebSocketRequest)
        {
            http.Response.Headers.Upgrade = "websocket";
            return Problems.Of(StatusCodes.Status426UpgradeRequired, "This path speaks WebSocket; for server-sent events ask /live.");
        }
        // A browser sends what it knows of Basic authentication to whoever's page asks, and asks nobody first.
        if (http.Request.Headers.Origin is [{ } origin] && (!Uri.TryCreate(origin, UriKind.Absolute, out var page) || page.Authority != http.Request.Host.Value))
            return Problems.Of(StatusCodes.Status403Forbidden, "A page of another origin may not look at customers.");
        return await live.ServeAsync(http, id, segmentsAfterId: 2, after, async (messages, stop) =>
        {
            using var socket = await http.WebSockets.AcceptWebSocketAsync();
            var closed = CloseAsync(socket, stop);
            try
            {
                await foreach (var message in messages)
                {
                    if (message is not null)
                        await socket.SendAsync(Envelope(message), WebSocketMessageType.Text, endOfMessage: true, stop.Token);
                }
            }
            finally
            {
                if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                    await socket.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, null, CancellationToken.None);
                await stop.CancelAsync();
                await closed;
            }
        });
    }

    /// <summary>Waits for the peer to close; what else it says is of no interest.</summary>
    private static async Task CloseAsync(WebSocket socket, CancellationTokenSource stop)
    {
        try
        {
            var buffer = new byte[256];
            while ((await socket.ReceiveAsync(buffer.AsMemory(), stop.Token)).MessageType != WebSocketMessageType.Close)
            {
            }
        }
        catch (Exception ended) when (ended is WebSocketException or OperationCanceledException)
        {
            // Gone without a word.
        }
        await stop.CancelAsync();
    }

    private static void Write(IBufferWriter<byte> writer, LiveMessage? message)
    {
        if (message is null)
        {
            // A comment, so that proxies and the reader see that the line is alive.
            writer.Write(":\n\n"u8);
            return;
        }
        writer.Write(System.Text.Encoding.UTF8.GetBytes($"id: {message.Version}\nevent: {message.Event}\n"));
        // JSON as it was sent may have line ends between its tokens.
        foreach (var line in message.Data.AsSpan().SplitAny("\r\n"u8))
        {
            writer.Write("data: "u8);
            writer.Write(message.Data.AsSpan()[line]);
            writer.Write("\n"u8);
        }
        writer.Write("\n"u8);
    }

    private static ReadOnlyMemory<byte> Envelope(LiveMessage message)
    {
        var buffer = new ArrayBufferWriter<byte>(message.Data.Length + 64);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("event"u8, message.Event);
            writer.WriteNumber("version"u8, message.Version);
            writer.WritePropertyName("data"u8);
            writer.WriteRawValue(message.Data, skipInputValidation: true);
            writer.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }
}

/// <summary>What the two ways of looking on share: who may, how many, and when it ends.</summary>
internal sealed class Live(IGrainFactory grains, LiveConnections connections, KeyRing keys, TimeProvider clock, IHostApplicationLifetime lifetime)
{
    public async Task<IResult> ServeAsync(
        HttpContext http, string id, int segmentsAfterId, long? after, Func<IAsyncEnumerable<LiveMessage?>, CancellationTokenSource, Task> serve)
    {
        if (!CustomersApi.TryFind(http, grains, segmentsAfterId, ref id, out var customer))
            return CustomersApi.BadId();
        ICustomerGrain Find(string other) => grains.GetGrain<ICustomerGrain>(new CustomerKey(http.User.Workspace(), other).ToString());
        if (!connections.TryEnter())
            return Problems.TryLater(StatusCodes.Status429TooManyRequests, "As many look on live as this process can serve.");
        try
        {
            if (await customer.Follow(-1) is not { View: not null } first)
                return CustomersApi.Unknown(id);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
            try
            {
                await serve(WhileAllowed(http, new LiveFeed(customer, Find, clock).ReadAsync(first, after, stop.Token)), stop);
            }
            catch (Exception ended) when (stop.IsCancellationRequested && ended is OperationCanceledException or WebSocketException or IOException)
            {
                // The reader has gone, or the process stops.
            }
            return Results.Empty;
        }
        finally
        {
            connections.Leave();
        }
    }

    /// <summary>Ends soon after the key was revoked.</summary>
    private async IAsyncEnumerable<LiveMessage?> WhileAllowed(HttpContext http, IAsyncEnumerable<LiveMessage?> messages)
    {
        await foreach (var message in messages)
        {
            if (KeyAuthentication.KeyOf(http.Request.Headers.Authorization) is not { } key || keys.Find(key) is null)
                yield break;
            yield return message;
        }
    }
}
