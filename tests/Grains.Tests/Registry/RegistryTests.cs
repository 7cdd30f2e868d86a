using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Personalize.Registry;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Registry;

public sealed class RegistryTests
{
    private const string Trigger = """{"on":{"event":"Viewed"},"send":{"sender":"mail"}}""";
    private const string Sender = """{"type":"test"}""";

    [Fact]
    public async Task A_document_has_a_version_that_is_never_used_again()
    {
        await using var fixture = new GrainFixture();
        var first = await fixture.Put(RegistryKind.Trigger, "a", Trigger);
        Assert.True(first.Created);
        Assert.Equal(1, first.Stored!.Version);
        Assert.Equal(2, (await fixture.Put(RegistryKind.Trigger, "a", Trigger + " ")).Stored!.Version);
        Assert.True(await Delete(fixture, "a"));
        Assert.False(await Delete(fixture, "a"));
        Assert.Null(await Get(fixture, "a"));
        var again = await fixture.Put(RegistryKind.Trigger, "a", Trigger);
        Assert.True(again.Created);
        Assert.Equal(3, again.Stored!.Version);
    }

    [Fact]
    public async Task An_unchanged_document_keeps_its_version_and_costs_no_write()
    {
        await using var fixture = new GrainFixture();
        var first = await fixture.Put(RegistryKind.Trigger, "a", Trigger);
        var writes = fixture.Storage.Writes;
        var second = await fixture.Put(RegistryKind.Trigger, "a", Trigger);
        Assert.False(second.Created);
        Assert.Equal(first.Stored, second.Stored);
        Assert.Equal(writes, fixture.Storage.Writes);
    }

    [Theory]
    [InlineData("trigger", """{"send":{"sender":"mail"}}""", "/on")]
    [InlineData("template", """{"text":"{{#if this"}""", "/text")]
    [InlineData("sender", """{"type":"pigeon"}""", "/type")]
    [InlineData("sender", """{"type":"test","broken":1}""", "/broken")]
    [InlineData("sender", "[]", "")]
    [InlineData("topic", "{}", "/name")]
    [InlineData("topic", "[]", "")]
    [InlineData("topic", """{"name":"Offers","nme":1}""", "/nme")]
    [InlineData("topic", """{"name":"Offers","description":7}""", "/description")]
    [InlineData("topic", """{"name":"Offers","channel":"e/mail"}""", "/channel")]
    [InlineData("topic", """{"name":"Offers","default":"yes"}""", "/default")]
    [InlineData("trigger", "{", "")]
    [InlineData("sender", "{", "")]
    [InlineData("poem", "{}", "")]
    public async Task A_bad_document_is_refused_with_its_place(string kind, string document, string pointer)
    {
        await using var fixture = new GrainFixture();
        var put = await fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Put(kind, "a", JsonText.FromString(document)));
        Assert.Null(put.Stored);
        Assert.Contains(put.Errors, error => error.Pointer == pointer);
        Assert.Equal(0, fixture.Storage.Writes);
    }

    [Fact]
    public async Task An_edit_for_another_version_changes_nothing()
    {
        await using var fixture = new GrainFixture();
        Assert.True((await Edit(fixture, Trigger, 1)).IsStale);
        Assert.True((await Edit(fixture, Trigger, RegistryEdit.Any)).IsStale);
        Assert.Equal(1, (await Edit(fixture, Trigger, 0)).Stored!.Version);
        Assert.True((await Edit(fixture, Trigger + " ", 0)).IsStale);
        Assert.True((await Edit(fixture, Trigger + " ", 2)).IsStale);
        Assert.Equal(2, (await Edit(fixture, Trigger + " ", 7, 1)).Stored!.Version);
        Assert.Equal(3, (await Edit(fixture, Trigger, RegistryEdit.Any)).Stored!.Version);
        Assert.Equal(RegistryRemoval.Stale, await Remove(fixture, 2));
        Assert.Equal(RegistryRemoval.Removed, await Remove(fixture, 3));
        Assert.Equal(RegistryRemoval.Stale, await Remove(fixture, 3));
    }

    [Fact]
    public async Task Of_edits_for_the_same_version_one_is_done()
    {
        await using var fixture = new GrainFixture();
        await fixture.Put(RegistryKind.Trigger, "a", Trigger);
        var puts = await fixture.Run(grains => Task.WhenAll(Enumerable.Range(1, 8).Select(spaces =>
            grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Edit(RegistryKind.Trigger, "a", JsonText.FromString(Trigger + new string(' ', spaces)), new([1], "put")))));
        Assert.Equal(2, Assert.Single(puts, put => !put.IsStale).Stored!.Version);
    }

    [Fact]
    public async Task The_history_says_who_did_what_when_and_why_also_after_a_deletion_and_a_crash()
    {
        await using var fixture = new GrainFixture();
        var start = fixture.Now;
        await Edit(fixture, Trigger, new RegistryEdit(null, "put", "key-1"));
        await fixture.Advance(TimeSpan.FromMinutes(1));
        await Edit(fixture, Trigger, new RegistryEdit(null, "stop", "key-2", "too loud"));
        await Edit(fixture, Trigger, new RegistryEdit(null, "stop", "key-3", "once more"));
        await fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Remove(RegistryKind.Trigger, "a", new(null, "delete", "key-4")));
        await fixture.Crash();
        var history = await History(fixture, RegistryKind.Trigger);
        Assert.Equal(["2 delete key-4  ", $"2 stop key-2 too loud {Trigger}", $"1 put key-1  {Trigger}"],
            history.Select(one => $"{one.Version} {one.Action} {one.By} {one.Reason} {one.Document}"));
        Assert.InRange(history[2].At, start, start + TimeSpan.FromSeconds(1));
        Assert.InRange(history[1].At, start + TimeSpan.FromMinutes(1), start + TimeSpan.FromSeconds(61));
    }

    [Fact]
    public async Task The_history_is_bounded_in_versions_and_in_size_and_keeps_no_secrets()
    {
        await using var fixture = new GrainFixture();
        for (var i = 0; i < RegistryVersion.KeptMax + 5; i++)
            await fixture.Put(RegistryKind.Trigger, "a", Trigger + new string(' ', 10_000 + i));
        await fixture.Put(RegistryKind.Sender, "a", """{"type":"test","secret":"one"}""");
        await fixture.Put(RegistryKind.Sender, "a", """{"type":"test","secret":"two"}""");
        var history = await History(fixture, RegistryKind.Trigger);
        Assert.Equal((RegistryVersion.KeptMax, RegistryVersion.KeptMax + 5), (history.Length, history[0].Version));
        Assert.Equal(7, history.Count(one => !one.Document.IsAbsent));
        Assert.All(await History(fixture, RegistryKind.Sender), one => Assert.True(one.Document.IsAbsent));
    }

    [Fact]
    public async Task Documents_are_listed_by_kind_in_the_order_of_their_ids()
    {
        await using var fixture = new GrainFixture();
        await fixture.Put(RegistryKind.Trigger, "b", Trigger);
        await fixture.Put(RegistryKind.Trigger, "a", Trigger);
        await fixture.Put(RegistryKind.Sender, "a", Sender);
        var triggers = await fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).List(RegistryKind.Trigger));
        Assert.Equal(["a", "b"], triggers.Select(document => document.Id));
    }

    [Fact]
    public async Task Workspaces_do_not_see_each_other()
    {
        await using var fixture = new GrainFixture();
        await fixture.Put(RegistryKind.Trigger, "a", Trigger);
        Assert.Null(await fixture.Run(grains => grains.GetGrain<IRegistryGrain>("other").Get(RegistryKind.Trigger, "a")));
    }

    [Fact]
    public async Task A_follower_hears_of_a_change_at_once()
    {
        await using var fixture = new GrainFixture();
        var start = await fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Follow(-1));
        var following = Follow(fixture, start!.Version);
        await fixture.Advance(TimeSpan.FromSeconds(2));
        Assert.False(following.IsCompleted);
        var before = fixture.Now;
        await fixture.Put(RegistryKind.Trigger, "a", Trigger);
        var changed = await fixture.Answer(following);
        Assert.InRange(fixture.Now - before, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.Equal("a", Assert.Single(changed!.Documents).Id);
        Assert.True(changed.Version > start.Version);
    }

    [Fact]
    public async Task A_follower_that_is_behind_is_answered_without_waiting()
    {
        await using var fixture = new GrainFixture();
        await fixture.Put(RegistryKind.Trigger, "a", Trigger);
        Assert.Single((await fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Follow(0)))!.Documents);
    }

    [Fact]
    public async Task A_follower_without_news_is_told_so_in_time_to_ask_again()
    {
        await using var fixture = new GrainFixture();
        var following = Follow(fixture, 0);
        await fixture.Advance(TimeSpan.FromSeconds(11));
        Assert.Null(await fixture.Answer(following));
    }

    [Fact]
    public async Task What_is_not_stored_yet_is_not_shown()
    {
        await using var fixture = new GrainFixture();
        await fixture.Put(RegistryKind.Sender, "mail", Sender);
        var following = Follow(fixture, 1);
        var gate = new TaskCompletionSource();
        fixture.Storage.BeforeWrite = () => gate.Task;
        var putting = fixture.Start(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Put(RegistryKind.Trigger, "a", JsonText.FromString(Trigger)));
        await fixture.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await Get(fixture, "a"));
        Assert.False(following.IsCompleted);
        gate.SetResult();
        await fixture.Answer(putting);
        Assert.NotNull(await Get(fixture, "a"));
        Assert.Equal(2, (await fixture.Answer(following))!.Version);
    }

    [Fact]
    public async Task A_failed_write_has_changed_nothing()
    {
        await using var fixture = new GrainFixture();
        await fixture.Put(RegistryKind.Sender, "mail", Sender);
        var following = Follow(fixture, 1);
        fixture.Storage.BeforeWrite = static () => throw new IOException("The disk failed.");
        await Assert.ThrowsAnyAsync<Exception>(() => fixture.Put(RegistryKind.Trigger, "a", Trigger));
        fixture.Storage.BeforeWrite = null;
        Assert.Null(await fixture.Answer(following));
        Assert.Null(await Get(fixture, "a"));
        Assert.Equal(1, (await fixture.Put(RegistryKind.Trigger, "a", Trigger)).Stored!.Version);
    }

    [Fact]
    public async Task A_write_of_unknown_outcome_is_read_back()
    {
        await using var fixture = new GrainFixture();
        fixture.Storage.AfterWrite = static () => throw new IOException("The disk failed.");
        await Assert.ThrowsAnyAsync<Exception>(() => fixture.Put(RegistryKind.Trigger, "a", Trigger));
        fixture.Storage.AfterWrite = null;
        Assert.Equal(1, (await Get(fixture, "a"))!.Version);
        Assert.Equal(1, (await fixture.Put(RegistryKind.Trigger, "a", Trigger)).Stored!.Version);
    }

    [Fact]
    public async Task Documents_outlive_a_crash()
    {
        await using var fixture = new GrainFixture();
        var put = await fixture.Put(RegistryKind.Trigger, "a", Trigger);
        await fixture.Crash();
        Assert.Equal(put.Stored, await Get(fixture, "a"));
    }

    [Fact]
    public async Task Every_silo_follows_within_a_second_also_after_a_failed_write()
    {
        await using var fixture = new GrainFixture();
        var scheduler = (TaskScheduler?)fixture.Time.Scheduler ?? TaskScheduler.Default;
        var silos = new List<Catalogs>();
        var catalogs = await fixture.Run(async grains =>
        {
            for (var silo = 0; silo < 3; silo++)
                silos.Add(new Catalogs(grains, [fixture.Sender], fixture.Time, scheduler, NullLogger<Catalogs>.Instance));
            return await Task.WhenAll(silos.Select(silo => silo.GetAsync(GrainFixture.Workspace)));
        });
        for (var round = 0; round < 5; round++)
        {
            fixture.Storage.BeforeWrite = static () => throw new IOException("The disk failed.");
            await Assert.ThrowsAnyAsync<Exception>(() => fixture.Put(RegistryKind.Trigger, "phantom", Trigger));
            fixture.Storage.BeforeWrite = null;
            await fixture.Put(RegistryKind.Trigger, $"trigger-{round}", Trigger);
            await fixture.Put(RegistryKind.Sender, "mail", Sender + new string(' ', round));
            await fixture.Until(() => catalogs.All(catalog => catalog.Version == (2 * round) + 2), TimeSpan.FromSeconds(1));
            Assert.All(catalogs, catalog => Assert.Equal(round + 1, catalog.Triggers.All.Length));
            Assert.All(catalogs, catalog => Assert.NotNull(catalog.FindSender("mail")));
        }
        silos.ForEach(silo => silo.Dispose());
        await fixture.Advance(TimeSpan.FromSeconds(11));
    }

    [Fact]
    public async Task A_sender_whose_document_has_not_changed_is_not_made_anew()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("a", Trigger);
        await fixture.Apply(fixture.Happens("Viewed"));
        var created = fixture.Sender.Created;
        await fixture.PutTrigger("b", Trigger);
        await fixture.Apply(fixture.Happens("Viewed"));
        Assert.Equal(created, fixture.Sender.Created);
    }

    private static Task<RegistrySnapshot?> Follow(GrainFixture fixture, long version) =>
        fixture.Start(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Follow(version));

    private static Task<RegistryDocument?> Get(GrainFixture fixture, string id) =>
        fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Get(RegistryKind.Trigger, id));

    private static Task<bool> Delete(GrainFixture fixture, string id) =>
        fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Delete(RegistryKind.Trigger, id));

    private static Task<RegistryPut> Edit(GrainFixture fixture, string document, params long[] expected) =>
        Edit(fixture, document, new RegistryEdit(expected, "put"));

    private static Task<RegistryPut> Edit(GrainFixture fixture, string document, RegistryEdit edit) =>
        fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Edit(RegistryKind.Trigger, "a", JsonText.FromString(document), edit));

    private static Task<RegistryRemoval> Remove(GrainFixture fixture, params long[] expected) =>
        fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Remove(RegistryKind.Trigger, "a", new(expected, "delete")));

    private static Task<RegistryVersion[]> History(GrainFixture fixture, string kind) =>
        fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).History(kind, "a"));
}
