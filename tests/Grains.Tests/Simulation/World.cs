using System.Text.Json;
using Orleans.Hosting;
using Orleans.Personalize.Customers;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Sending;
using Orleans.Personalize.Testing;
using Orleans.Runtime;

namespace Orleans.Personalize.Simulation;

/// <summary>What a seed chooses beside the order of everything.</summary>
internal sealed record Climate(bool IsCalm, bool HasTwoMasters, int QueueMax)
{
    /// <summary>A quarter is calm, so that what holds only without faults is seen to hold.</summary>
    public static Climate Of(int seed) => (seed % 4) switch
    {
        0 => new(true, false, 1_000),
        1 => new(false, true, 1_000),
        _ => new(false, false, seed % 8 == 2 ? 3 : 1_000),
    };
}

/// <summary>
/// One history: callers that post, repeat and read, an operator that edits rules, senders that fail, a disk that fails, silos that crash, and
/// sometimes two silos that both believe to be the only one. Then the weather clears, time runs on, and the books are checked.
/// </summary>
internal sealed class World
{
    private static readonly TimeSpan StormLength = TimeSpan.FromMinutes(4);

    private readonly Climate climate;
    private readonly Random random;
    private readonly VirtualTime time;
    private readonly Ledger ledger = new(new InMemoryJournal());
    private readonly ScriptedSender sender = new();
    private readonly SimulatedSilo[] silos;
    private readonly string[] customers;
    private readonly List<(string Customer, CustomerEvent Event)> posted = [];
    private readonly Dictionary<string, long> acknowledged = [];
    private readonly HashSet<(string DecisionId, int Attempt)> delivered = [];
    private readonly HashSet<string> taken = [];
    private readonly HashSet<string> mayHaveArrived = [];
    private bool isStormy;

    public World(int seed)
    {
        climate = Climate.Of(seed);
        random = new Random(seed);
        time = new VirtualTime(new SeededScheduler(seed));
        var storage = new SimulatedStorage { BeforeWrite = MayFail, AfterWrite = MayFail };
        sender.Script = Deliver;
        silos = [.. Enumerable.Range(0, climate.HasTwoMasters ? 2 : 1).Select(_ => new SimulatedSilo(time, ledger, storage, sender)
        {
            // Customers leave memory while their waits go on, but not between the sweep that tells them of a deadline and their own timer.
            Configure = options => (options.CollectionAge, options.CollectionQuantum, options.ResponseTimeout) =
                (TimeSpan.FromSeconds(80), TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(20)),
            CommitterOptions = new GroupCommitterOptions { QueueWritesMax = climate.QueueMax },
        })];
        customers = [.. Enumerable.Range(1, 2 + random.Next(3)).Select(number => $"{Shop.Workspace}/customer-{number}")];
        foreach (var (trigger, name) in Shop.Unless)
            ledger.Unless.Add(trigger, name);
    }

    public IReadOnlyList<string> Violations => ledger.Violations;

    public int Acknowledged => acknowledged.Count;

    public int Delivered => delivered.Count;

    /// <summary>Every record of the journal, in order.</summary>
    public string[] History() => [.. ledger.ReadAllAsync(0, CancellationToken.None).ToBlockingEnumerable()
        .Select(static entry => $"{entry.Record.RecordedAt:O} {entry.Customer} {System.Text.Encoding.UTF8.GetString(entry.Record.Payload.Span)}")];

    public void Run()
    {
        silos[0].Start();
        time.Run(OpenShop);
        foreach (var silo in silos.Skip(1))
            silo.Start();
        foreach (var silo in silos)
            silo.Journal.Faults = climate.IsCalm ? new() { DelayMax = TimeSpan.FromMilliseconds(40) } : Storm();
        isStormy = !climate.IsCalm;

        var until = time.Elapsed + StormLength;
        Task[] busy = [.. Enumerable.Range(0, 4).Select(caller => Start(until, () => Post(caller))), Start(until, () => Read()), Start(until, () => EditRules())];
        if (!climate.IsCalm)
            busy = [.. busy, Start(until, () => Crash())];
        time.RunUntil(() => Array.TrueForAll(busy, static task => task.IsCompleted));
        time.Run(() => Task.WhenAll(busy));

        Clear();
        // Nobody calls any more: only timers and the sweep finish what is open.
        time.RunUntil(() => ledger.Accounts.Values.All(account => account.IsAtRest), TimeSpan.FromHours(1));
        time.Advance(TimeSpan.FromMinutes(3));
        time.Run(CheckBooks);
    }

    private async Task OpenShop()
    {
        await Put(RegistryKind.Sender, "mail", Shop.Sender);
        await Put(RegistryKind.Sender, "sms", Shop.HoldingSender);
        await Put(RegistryKind.Template, "hello", Shop.Template);
        await Put(RegistryKind.Trigger, "abandoned", Shop.Abandoned(30));
        await Put(RegistryKind.Trigger, "browsed", Shop.Browsed);
        await Put(RegistryKind.Trigger, "welcomed", Shop.Welcomed);
        await Put(RegistryKind.Trigger, "flaky", Shop.Flaky(10, enabled: true));
    }

    /// <summary>Does something again and again, with pauses, until the time is over.</summary>
    private Task Start(TimeSpan until, Func<Task> something) => time.Scheduler!.Start(async () =>
    {
        while (time.Elapsed < until)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(15_000)), time);
            await something();
        }
    });

    private Task Post(int caller)
    {
        var customer = customers[random.Next(customers.Length)];
        var batch = new List<CustomerEvent>();
        for (var left = 1 + random.Next(5); left > 0; left--)
            batch.Add(Next(customer, caller));
        return Post(customer, [.. batch]);
    }

    /// <summary>A new event, or one that somebody has posted or is just posting, and rarely another body under its id.</summary>
    private CustomerEvent Next(string customer, int caller)
    {
        if (posted.Count > 0 && random.Next(3) == 0 && posted[random.Next(posted.Count)] is var (owner, known) && owner == customer)
            return random.Next(8) == 0 ? known with { Fingerprint = 2, Name = "Forged" } : known;
        var next = Shop.Happens(random, $"{caller}-{posted.Count}", time.GetUtcNow());
        posted.Add((customer, next));
        return next;
    }

    /// <summary>At least once: the same batch, shuffled, until it is answered.</summary>
    private async Task Post(string customer, CustomerEvent[] batch)
    {
        const int AttemptsMax = 200;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var receipts = await AnySilo().Call(grains => grains.GetGrain<ICustomerGrain>(customer).Apply(batch));
                Acknowledge(customer, batch, receipts);
                return;
            }
            catch (Exception failure) when (IsTransient(failure) && attempt < AttemptsMax)
            {
                random.Shuffle(batch);
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(3_000)), time);
            }
        }
    }

    private void Acknowledge(string customer, CustomerEvent[] batch, Receipt[] receipts)
    {
        var account = ledger.Of(customer);
        ledger.Check(receipts.Select(static receipt => receipt.MessageId).SequenceEqual(batch.Select(static happened => happened.MessageId)), "Receipts in another order.");
        foreach (var receipt in receipts)
        {
            if (receipt.Status == ReceiptStatus.Rejected)
                continue;
            var isDurable = account.Events.TryGetValue(receipt.MessageId, out var version);
            ledger.Check(isDurable, $"{receipt} was given for an event that is not durable.");
            ledger.Check(receipt.Version <= account.Version, $"{receipt} refers to a version that is not durable.");
            ledger.Check(receipt.Version >= version, $"{receipt} refers to a version before the event's.");
            if (receipt.Status is ReceiptStatus.Accepted or ReceiptStatus.Late)
                ledger.Check(receipt.Version == version, $"{receipt} does not name the event's version.");
            acknowledged[receipt.MessageId] = version;
        }
    }

    private async Task Read()
    {
        var customer = customers[random.Next(customers.Length)];
        var account = ledger.Of(customer);
        var known = account.Events.Where(pair => acknowledged.ContainsKey(pair.Key)).Select(static pair => pair.Value).DefaultIfEmpty().Max();
        try
        {
            var view = await AnySilo().Call(grains => grains.GetGrain<ICustomerGrain>(customer).Read());
            ledger.Check((view?.Version ?? 0) <= account.Version, $"{customer} showed version {view?.Version} when {account.Version} was durable.");
            ledger.Check(climate.HasTwoMasters || (view?.Version ?? 0) >= known, $"{customer} showed version {view?.Version} after {known} was acknowledged.");
        }
        catch (Exception failure) when (IsTransient(failure))
        {
        }
    }

    private async Task EditRules()
    {
        try
        {
            Task edit = random.Next(4) switch
            {
                0 => Put(RegistryKind.Trigger, "abandoned", Shop.Abandoned(20 + random.Next(30))),
                1 => Call(grains => grains.GetGrain<IRegistryGrain>(Shop.Workspace).Delete(RegistryKind.Trigger, "flaky")),
                2 => Put(RegistryKind.Trigger, "flaky", Shop.Flaky(5 + random.Next(20), enabled: random.Next(3) > 0)),
                _ => Put(RegistryKind.Template, "hello", Shop.Template + new string(' ', random.Next(3))),
            };
            await edit;
        }
        catch (Exception failure) when (IsTransient(failure))
        {
        }
    }

    private async Task Put(string kind, string id, string document)
    {
        var put = await Call(grains => grains.GetGrain<IRegistryGrain>(Shop.Workspace).Put(kind, id, JsonText.FromString(document)));
        ledger.Check(put.Errors.Length == 0, $"The {kind} {id} was refused.");
    }

    private Task<T> Call<T>(Func<IGrainFactory, Task<T>> call) => silos[0].Call(call);

    private async Task Crash()
    {
        var silo = AnySilo();
        switch (random.Next(3))
        {
            case 0:
                silo.Crash();
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(20_000)), time);
                silo.Start();
                break;
            default:
                silo.Journal.Faults = random.Next(2) == 0 ? Storm() : Faults.None;
                break;
        }
    }

    private Faults Storm() => new()
    {
        BeforeCommit = random.NextDouble() * 0.2,
        AfterCommit = random.NextDouble() * 0.2,
        Read = random.NextDouble() * 0.2,
        DelayMax = TimeSpan.FromMilliseconds(random.Next(3) == 0 ? 8_000 : 200),
    };

    private void Clear()
    {
        isStormy = false;
        foreach (var silo in silos)
        {
            silo.Journal.Faults = Faults.None;
            if (!silo.IsRunning)
                silo.Start();
        }
    }

    private Task MayFail() => isStormy && random.Next(8) == 0 ? throw new IOException("The storage failed.") : Task.CompletedTask;

    private SimulatedSilo AnySilo() => silos[random.Next(silos.Length)];

    private static bool IsTransient(Exception failure) => failure is JournalBusyException or JournalException or TimeoutException or OrleansException;

    private async Task<Delivery> Deliver(SendMessage message, CancellationToken cancellation)
    {
        var attempt = (message.Job.DecisionId, message.Job.Attempt);
        var account = ledger.Of($"{message.Workspace}/{message.CustomerId}");
        ledger.Check(account.Authorized.Contains(attempt), $"{attempt} was delivered without a durable authorization.");
        ledger.Check(delivered.Add(attempt), $"{attempt} was delivered twice.");
        ledger.Check(message.Job.Profile.Version <= account.Version, $"{attempt} was rendered with a profile that is not durable.");
        ledger.Check(
            mayHaveArrived.Add(message.Job.DecisionId) || !Shop.IsHeld(message.Job.Trigger), $"{attempt} went out again, though nobody knows what became of the last one.");
        if (isStormy)
        {
            // Some senders heed their time-out.
            var patience = random.Next(2) == 0 ? cancellation : CancellationToken.None;
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(40) == 0 ? 90_000 : random.Next(2_000)), time, patience);
            switch (random.Next(10))
            {
                case 0:
                    mayHaveArrived.Remove(message.Job.DecisionId);
                    return new(SendOutcome.Retry, Detail: "busy", RetryAfter: TimeSpan.FromSeconds(random.Next(60)));
                case 1:
                    return new(SendOutcome.Failed, Detail: "no such address");
                case 2:
                    throw new IOException("The connection was reset.");
            }
        }
        taken.Add(message.Job.DecisionId);
        return new(SendOutcome.Sent, "provider-1");
    }

    private async Task CheckBooks()
    {
        foreach (var (messageId, _) in acknowledged)
            ledger.Check(ledger.Accounts.Values.Count(account => account.Events.ContainsKey(messageId)) == 1, $"{messageId} was acknowledged and is not in the journal once.");
        foreach (var decided in ledger.Accounts.Values.SelectMany(static account => account.Decisions.Values.Where(static decided => decided.IsSend).Select(decided => (decided, account))))
            ledger.Check(
                decided.account.StateOf(decided.decided) != SendState.Sent || taken.Contains(decided.decided.DecisionId),
                $"{decided.decided.DecisionId} counts as sent and nobody took it.");
        if (climate.IsCalm)
            ledger.Check(ledger.LatenessMax <= TimeSpan.FromSeconds(1), $"A wait was decided {ledger.LatenessMax} late.");
        foreach (var customer in customers)
            await CheckReplay(customer);
    }

    /// <summary>The facts from the first one, without snapshots, give what a customer shows.</summary>
    private async Task CheckReplay(string customer)
    {
        var replayed = Profile.New(CustomerKey.Parse(customer));
        await foreach (var entry in ledger.ReadAllAsync(0, CancellationToken.None))
        {
            if (entry.Customer != customer)
                continue;
            foreach (var fact in FactCodec.Decode(entry.Record.Payload))
                replayed = Evolver.Evolve(replayed, fact);
            ledger.Check(replayed.Version == entry.Record.Version, $"{customer} has a gap at version {entry.Record.Version}.");
        }
        foreach (var silo in silos)
        {
            // A second master that nobody told of the other's writes finds out by writing.
            await silo.Call(grains => grains.GetGrain<ICustomerGrain>(customer).Tick());
            var view = await silo.Call(grains => grains.GetGrain<ICustomerGrain>(customer).Read());
            var expected = replayed.Version == 0 ? null : Views.Of(replayed);
            if (!climate.HasTwoMasters)
                ledger.Check(JsonSerializer.Serialize(view) == JsonSerializer.Serialize(expected), $"{customer} shows something else than its facts say.");
        }
    }
}
