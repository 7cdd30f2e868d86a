using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Silo.Tests.Senders;

/// <summary>What a provider's double does with a request that it has read whole.</summary>
public enum Behaviour
{
    /// <summary>Checks the request against the provider's documents and takes it.</summary>
    Takes,
    /// <summary>Refuses this message for good, repeating the secret and the address it was given.</summary>
    Refuses,
    /// <summary>Has too much to do.</summary>
    IsBusy,
    /// <summary>Says that it failed.</summary>
    Fails,
    /// <summary>Takes it and says nothing.</summary>
    KeepsSilent,
    /// <summary>Takes it and breaks the connection.</summary>
    Resets,
    /// <summary>Takes it and answers in another protocol.</summary>
    Babbles,
    /// <summary>Takes it, says so, and does not stop talking.</summary>
    TalksWithoutEnd,
    /// <summary>Takes it, begins to say so, and stops before the end.</summary>
    StopsTalking,
    /// <summary>Has a certificate that nobody vouches for.</summary>
    IsNotTrusted,
}

/// <param name="Url">Where it is: <c>https</c> where it wants TLS from the first byte.</param>
/// <param name="Taken">Messages that it may have taken.</param>
internal sealed record Double(Uri Url, Func<int> Taken, IAsyncDisposable Server) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

/// <summary>What every sender does about what its provider does, over a real connection.</summary>
public abstract class SenderContract : IDisposable
{
    protected const string Email = "ada@example.com";

    private readonly List<IDisposable> disposables = [];

    private protected ManualClock Clock { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    /// <summary>Stands in the document and may stand in no detail.</summary>
    protected abstract string Secret { get; }

    /// <summary>What becomes of an answer whose beginning says that the message was taken.</summary>
    protected virtual SendOutcome HalfAnswered => SendOutcome.Sent;

    /// <summary>What a busy provider asks for.</summary>
    protected virtual TimeSpan? AskedFor => TimeSpan.FromMinutes(2);

    /// <summary>Whether it cannot do without a mail address.</summary>
    protected virtual bool IsForMail => true;

    public void Dispose()
    {
        foreach (var disposable in disposables)
            disposable.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <param name="target">The double's, or one like it.</param>
    protected abstract object Document(Uri target);

    private protected abstract ISenderFactory Factory(bool allowPrivateTargets, Func<string, CancellationToken, Task<IPAddress[]>> resolve);

    /// <param name="silence">Runs when the double begins to say nothing.</param>
    private protected abstract Task<Double> StartAsync(Behaviour behaviour, Func<Task> silence);

    [Fact]
    public async Task What_the_provider_takes_is_sent()
    {
        await using var provider = await StartAsync(Behaviour.Takes);
        var delivery = await DeliverAsync(provider);

        Assert.True(delivery.Outcome == SendOutcome.Sent, delivery.Detail);
        Assert.Null(delivery.Detail);
        Assert.Equal(1, provider.Taken());
    }

    [Fact]
    public async Task What_the_provider_refuses_has_failed()
    {
        await using var provider = await StartAsync(Behaviour.Refuses);
        var delivery = await DeliverAsync(provider);

        Assert.Equal(SendOutcome.Failed, delivery.Outcome);
        Assert.NotNull(delivery.Detail);
    }

    [Fact]
    public async Task A_busy_provider_is_tried_again_when_it_says()
    {
        await using var provider = await StartAsync(Behaviour.IsBusy);
        var delivery = await DeliverAsync(provider);

        Assert.Equal((SendOutcome.Retry, AskedFor), (delivery.Outcome, delivery.RetryAfter));
        Assert.NotNull(delivery.Detail);
    }

    [Fact]
    public async Task A_provider_that_says_it_failed_is_tried_again()
    {
        await using var provider = await StartAsync(Behaviour.Fails);
        Assert.Equal(SendOutcome.Retry, (await DeliverAsync(provider)).Outcome);
    }

    [Fact]
    public async Task Without_an_answer_in_time_the_outcome_is_unknown()
    {
        await using var provider = await StartAsync(Behaviour.KeepsSilent);
        Assert.Equal(new Delivery(SendOutcome.Unknown, Detail: "No answer within PT10S."), await DeliverAsync(provider));
        Assert.Equal(1, provider.Taken());
    }

    [Fact]
    public async Task After_a_reset_the_outcome_is_unknown()
    {
        await using var provider = await StartAsync(Behaviour.Resets);
        Assert.Equal(SendOutcome.Unknown, (await DeliverAsync(provider)).Outcome);
        Assert.Equal(1, provider.Taken());
    }

    [Fact]
    public async Task After_babble_the_outcome_is_unknown()
    {
        await using var provider = await StartAsync(Behaviour.Babbles);
        Assert.Equal(SendOutcome.Unknown, (await DeliverAsync(provider)).Outcome);
    }

    [Fact]
    public async Task An_endless_answer_is_cut_off()
    {
        await using var provider = await StartAsync(Behaviour.TalksWithoutEnd);
        Assert.Equal(HalfAnswered, (await DeliverAsync(provider)).Outcome);
    }

    [Fact]
    public async Task An_answer_that_stops_in_its_middle_is_not_waited_for()
    {
        await using var provider = await StartAsync(Behaviour.StopsTalking);
        Assert.Equal(HalfAnswered, (await DeliverAsync(provider)).Outcome);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_gets_nothing()
    {
        await using var provider = await StartAsync(Behaviour.IsNotTrusted);
        var delivery = await DeliverAsync(provider);

        Assert.Equal(SendOutcome.Retry, delivery.Outcome);
        Assert.Contains("check the certificate", delivery.Detail, StringComparison.Ordinal);
        Assert.Equal(0, provider.Taken());
    }

    [Fact]
    public async Task A_closed_port_is_tried_again()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var delivery = await DeliverAsync(Sender(new Uri($"http://127.0.0.1:{port}/")));

        Assert.Equal(SendOutcome.Retry, delivery.Outcome);
        Assert.EndsWith("o connection.", delivery.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_is_not_found_is_tried_again()
    {
        var sender = Sender(new Uri("https://provider.example/"), resolve: (_, _) => throw new SocketException((int)SocketError.HostNotFound));
        Assert.Equal(SendOutcome.Retry, (await DeliverAsync(sender)).Outcome);
    }

    [Fact]
    public async Task A_look_up_without_end_is_tried_again()
    {
        var sender = Sender(new Uri("https://provider.example/"), resolve: async (_, cancellation) =>
        {
            Clock.Expire();
            await Task.Delay(Timeout.Infinite, cancellation);
            return [];
        });
        Assert.Equal(new Delivery(SendOutcome.Retry, Detail: "No answer within PT10S."), await DeliverAsync(sender));
    }

    [Fact]
    public async Task A_target_that_is_not_public_gets_nothing()
    {
        await using var provider = await StartAsync(Behaviour.Takes);
        var sender = Sender(new Uri($"https://provider.example:{provider.Url.Port}/"), allowPrivateTargets: false, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]));

        Assert.Equal(new Delivery(SendOutcome.Failed, Detail: "The target's address is not public."), await DeliverAsync(sender));
        Assert.Equal(0, provider.Taken());
    }

    [Fact]
    public async Task A_caller_that_cancels_gets_no_outcome()
    {
        using var cancellation = new CancellationTokenSource();
        await using var provider = await StartAsync(Behaviour.KeepsSilent, cancellation.CancelAsync);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Sender(provider.Url).DeliverAsync(Sample.Mail(), cancellation.Token));
    }

    [Theory]
    [InlineData(null, "The profile has no email.")]
    [InlineData("5", "The profile has no email.")]
    [InlineData("\" \"", "The profile has no email.")]
    [InlineData("\"ada\"", "The profile's email is not an address that mail can be sent to.")]
    [InlineData("\"ada@example.com\\r\\nRCPT TO:<eve@example.com>\"", "The profile's email is not an address that mail can be sent to.")]
    public async Task Only_a_mail_fails_without_an_address(string? email, string detail)
    {
        await using var provider = await StartAsync(Behaviour.Takes);
        var delivery = await DeliverAsync(Sender(provider.Url), Sample.Mail(email));

        Assert.Equal(IsForMail ? new(SendOutcome.Failed, Detail: detail) : new Delivery(SendOutcome.Sent), delivery);
        Assert.Equal(IsForMail ? 0 : 1, provider.Taken());
    }

    [Fact]
    public void A_document_names_no_member_that_is_not_known() =>
        Assert.Equal("/other", Assert.Single(Validate(With("other", 1))).Pointer);

    [Theory]
    [InlineData("PT1S", true)]
    [InlineData("PT30S", true)]
    [InlineData("PT0.9S", false)]
    [InlineData("PT51S", false)]
    [InlineData(15, false)]
    public void A_timeout_has_bounds(object timeout, bool sound) =>
        Assert.Equal(sound ? [] : ["/timeout"], Validate(With("timeout", timeout)).Select(error => error.Pointer));

    [Fact]
    public void The_terms_of_all_senders_are_read()
    {
        Assert.Empty(Validate(With("unknown", "hold")));
        Assert.Equal("/unknown", Assert.Single(Validate(With("unknown", "drop"))).Pointer);
        Assert.Equal("/rate/per", Assert.Single(Validate(With("rate", new { max = 5 }))).Pointer);
        Assert.Equal("/concurrency", Assert.Single(Validate(With("concurrency", 0))).Pointer);
    }

    protected static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }

    private protected Task<Double> StartAsync(Behaviour behaviour) => StartAsync(behaviour, () =>
    {
        Clock.Expire();
        return Task.CompletedTask;
    });

    private protected Task<Delivery> DeliverAsync(Double provider) => DeliverAsync(Sender(provider.Url));

    /// <summary>Delivers, and checks of every delivery that it tells nothing that it must not.</summary>
    private protected async Task<Delivery> DeliverAsync(ISender sender, SendMessage? message = null)
    {
        var delivery = await sender.DeliverAsync(message ?? Sample.Mail(), CancellationToken.None).WaitAsync(Testing.Eventually.Patience);
        foreach (var told in (string?[])[delivery.Detail, delivery.ProviderId])
        {
            Assert.DoesNotContain(Secret, told ?? "", StringComparison.Ordinal);
            Assert.DoesNotContain(Email, told ?? "", StringComparison.Ordinal);
        }
        return delivery;
    }

    private protected ISender Sender(
        Uri target, bool allowPrivateTargets = true, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null, object? document = null)
    {
        var factory = Factory(allowPrivateTargets, resolve ?? Dns.GetHostAddressesAsync);
        if (factory is IDisposable disposable)
            disposables.Add(disposable);
        var json = JsonSerializer.SerializeToElement(document ?? Document(target));
        Assert.Empty(factory.Validate(json));
        return factory.Create("shop", "sender", json);
    }

    private protected void Own(IDisposable disposable) => disposables.Add(disposable);

    private protected IReadOnlyList<DocumentError> Validate(object document) =>
        Factory(allowPrivateTargets: false, Dns.GetHostAddressesAsync).Validate(JsonSerializer.SerializeToElement(document));

    /// <summary>A sound document with one member more or other; without it where the value is null.</summary>
    private protected Dictionary<string, object?> With(string member, object? value)
    {
        var document = JsonSerializer.SerializeToElement(Document(new Uri("https://provider.example/")))
            .EnumerateObject().ToDictionary(property => property.Name, property => (object?)property.Value);
        document[member] = value;
        if (value is null)
            document.Remove(member);
        return document;
    }
}
